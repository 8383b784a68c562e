package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
)

// flipBetween alters the checkpoint of an epoch that was just recorded, while nobody has it in memory.
func flipBetween(ctx context.Context, r *round, h harm) error {
	if err := r.awaitTraining(ctx, h.where); err != nil {
		return err
	}
	recorded, err := r.timeline.await(ctx, r.timeline.now(), func(e event) bool {
		what, where := classify(e.Fields["key"])
		return e.What == eventAcknowledged && what == targetRecord && where.order() >= h.where.order()
	})
	if err != nil {
		return err
	}
	kill(ctx, r, r.trainer())
	flipped := r.flip(context.WithoutCancel(ctx), strings.TrimSuffix(recorded.Fields["key"], ".json")+".safetensors", h)
	if err := r.startWorker(); err != nil {
		return err
	}
	return flipped
}

// flipInside alters the newest checkpoint inside an epoch while nobody trains it, so that the next attempt finds it.
func flipInside(ctx context.Context, r *round, h harm) error {
	if err := r.awaitTraining(ctx, h.where); err != nil {
		return err
	}
	from := r.timeline.now()
	_, err := r.timeline.await(ctx, from, func(e event) bool {
		what, where := classify(e.Fields["key"])
		return e.What == eventAcknowledged && what == targetManifest && where.order() >= h.where.order()
	})
	if err != nil {
		return err
	}
	w := r.trainer()
	kill(ctx, r, w)
	// The worker is dead and another has to be there whatever comes of this.
	flipped := r.flipNewest(context.WithoutCancel(ctx), h)
	if err := r.startWorker(); err != nil {
		return err
	}
	return flipped
}

// flipNewest alters the newest checkpoint inside an epoch that is complete.
func (r *round) flipNewest(ctx context.Context, h harm) error {
	events, _ := r.timeline.since(r.from)
	for i := len(events) - 1; i >= 0; i-- {
		e := events[i]
		if what, _ := classify(e.Fields["key"]); e.What != eventAcknowledged || what != targetManifest {
			continue
		}
		return r.flip(ctx, strings.TrimSuffix(e.Fields["key"], ".json")+".safetensors", h)
	}
	return errMissed
}

// flip alters bits in the middle of an object and leaves what is recorded of its digest.
func (r *round) flip(ctx context.Context, key string, h harm) error {
	r.note(h.kind.name, fieldDamaged, key)
	if h.directly && r.settings.store == versitygwName {
		return flipFile(filepath.Join(r.data, r.config.Bucket, filepath.FromSlash(key)))
	}
	object, err := r.raw.GetObject(ctx, r.config.Bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return fmt.Errorf("flip bits of %s: %w", key, err)
	}
	defer object.Close()
	info, err := object.Stat()
	if err != nil {
		return fmt.Errorf("flip bits of %s: %w", key, err)
	}
	data, err := io.ReadAll(object)
	if err != nil {
		return fmt.Errorf("flip bits of %s: %w", key, err)
	}
	flipBits(data)
	_, err = r.raw.PutObject(ctx, r.config.Bucket, key, bytes.NewReader(data), int64(len(data)), minio.PutObjectOptions{
		ContentType: info.ContentType, UserMetadata: info.UserMetadata,
	})
	if err != nil {
		return fmt.Errorf("flip bits of %s: %w", key, err)
	}
	return nil
}

func flipFile(name string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return fmt.Errorf("flip bits: %w", err)
	}
	flipBits(data)
	// In place: what the store keeps beside the bytes stays.
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("flip bits: %w", err)
	}
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("flip bits of %s: %w", name, err)
	}
	return nil
}

func flipBits(data []byte) {
	for i := len(data) / 2; i < min(len(data), len(data)/2+8); i++ {
		data[i] ^= 0x55
	}
}
