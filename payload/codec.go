package payload

import (
	"crypto/rand"
	"errors"
	"fmt"

	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/proto"
)

// Metadata of an encrypted payload. Encoding and cipher are what Temporal's own examples say.
const (
	encodingEncrypted = "binary/encrypted"
	metadataCipher    = "encryption-cipher"
	metadataKey       = "encryption-key-id"
	cipherAESGCM      = "AES-256-GCM"
)

var (
	// ErrNoKey marks an encrypted payload of whose key there is none here.
	ErrNoKey = errors.New("payload key missing")
	// ErrForged marks an encrypted payload that was changed.
	ErrForged = errors.New("encrypted payload changed")
)

// Codec returns the codec that encrypts with the newest key and decrypts with all. Payloads that are not encrypted pass as they
// are, so that what was there before a key can still be read; encrypted ones without their key are ErrNoKey, changed ones
// ErrForged.
func (k Keys) Codec() converter.PayloadCodec { return codec{k} }

type codec struct{ keys Keys }

func (c codec) Encode(payloads []*common.Payload) ([]*common.Payload, error) {
	if !c.keys.Encrypting() {
		return payloads, nil
	}
	return each(payloads, c.keys.newest.seal)
}

func (c codec) Decode(payloads []*common.Payload) ([]*common.Payload, error) {
	return each(payloads, c.keys.open)
}

func each(payloads []*common.Payload, change func(*common.Payload) (*common.Payload, error)) ([]*common.Payload, error) {
	changed := make([]*common.Payload, len(payloads))
	for i, p := range payloads {
		var err error
		if changed[i], err = change(p); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// seal encrypts a whole payload, what describes it included. The nonce goes first.
func (k *key) seal(p *common.Payload) (*common.Payload, error) {
	plain, err := proto.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encrypt payload: %w", err)
	}
	nonce := make([]byte, k.aead.NonceSize(), k.aead.NonceSize()+len(plain)+k.aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("encrypt payload: %w", err)
	}
	return &common.Payload{
		Metadata: map[string][]byte{
			converter.MetadataEncoding: []byte(encodingEncrypted),
			metadataCipher:             []byte(cipherAESGCM),
			metadataKey:                []byte(k.id),
		},
		Data: k.aead.Seal(nonce, nonce, plain, nil),
	}, nil
}

func (k Keys) open(p *common.Payload) (*common.Payload, error) {
	if string(p.GetMetadata()[converter.MetadataEncoding]) != encodingEncrypted {
		return p, nil
	}
	id := string(p.GetMetadata()[metadataKey])
	key, ok := k.all[id]
	if !ok {
		return nil, fmt.Errorf("%w: it is encrypted with key %q, and here is %s: add that key to %s, or to the file that %s names",
			ErrNoKey, id, k, EnvKey, EnvKeyFile)
	}
	n := key.aead.NonceSize()
	if len(p.GetData()) < n {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrForged, len(p.GetData()))
	}
	plain, err := key.aead.Open(nil, p.GetData()[:n], p.GetData()[n:], nil)
	if err != nil {
		return nil, fmt.Errorf("%w: key %q does not open it: %w", ErrForged, id, err)
	}
	var opened common.Payload
	if err := proto.Unmarshal(plain, &opened); err != nil {
		return nil, fmt.Errorf("decrypt payload: %w", err)
	}
	return &opened, nil
}
