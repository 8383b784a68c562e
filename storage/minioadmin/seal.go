package minioadmin

import (
	"bytes"
	"crypto/rand"
	"fmt"

	"github.com/secure-io/sio-go"
	"golang.org/x/crypto/argon2"
)

// Parameters of the encryption: Argon2id as MinIO derives keys by it, and the number by which MinIO knows Argon2id with
// AES-256-GCM.
const (
	saltSize      = 32
	argonPasses   = 1
	argonMemory   = 64 << 10 // KiB
	argonThreads  = 4
	argonAES256   = 0x00
	argonKeyBytes = 32
)

// seal encrypts what must not be read on the way, a user's secret key, under the administrator's. MinIO takes it in no other
// form, also over TLS: salt, the algorithm's number, nonce, and the text in packages of AES-256-GCM.
func seal(secretKey string, text []byte) ([]byte, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt) // which never fails
	key := argon2.IDKey([]byte(secretKey), salt, argonPasses, argonMemory, argonThreads, argonKeyBytes)
	stream, err := sio.AES_256_GCM.Stream(key)
	if err != nil {
		return nil, fmt.Errorf("encrypt a request: %w", err)
	}
	nonce := make([]byte, stream.NonceSize())
	rand.Read(nonce)

	var sealed bytes.Buffer
	sealed.Write(salt)
	sealed.WriteByte(argonAES256)
	sealed.Write(nonce)
	w := stream.EncryptWriter(&sealed, nonce, nil)
	if _, err := w.Write(text); err != nil {
		return nil, fmt.Errorf("encrypt a request: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("encrypt a request: %w", err)
	}
	return sealed.Bytes(), nil
}
