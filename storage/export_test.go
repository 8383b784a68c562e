package storage

import (
	"bytes"
	"context"
	"io"
	"time"

	"twinview/experiment"
)

// PutAs sends data under an artifact that may not be its own, as when a file changes between digest and upload.
func (s *Store) PutAs(ctx context.Context, a experiment.Artifact, data []byte) error {
	return s.put(ctx, a, "text/plain", func() io.Reader { return bytes.NewReader(data) })
}

// OpenImpatient is Open with connections that may carry nothing for so long only.
func OpenImpatient(ctx context.Context, c Config, silence time.Duration) (*Store, error) {
	return open(ctx, c, silence)
}
