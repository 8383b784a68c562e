package payload_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	common "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/temporal"
	"google.golang.org/protobuf/proto"

	"twinview/payload"
)

// keyOf is a key of 32 equal bytes.
func keyOf(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

func parse(t *testing.T, text string) payload.Keys {
	t.Helper()
	keys, err := payload.ParseKeys(text)
	require.NoError(t, err)
	return keys
}

func TestPayloadsComeBack(t *testing.T) {
	data := parse(t, keyOf(1)).DataConverter()
	first, err := data.ToPayloads("distinctive", 42)
	require.NoError(t, err)
	second, err := data.ToPayloads("distinctive", 42)
	require.NoError(t, err)
	require.NotContains(t, first.String(), "distinctive")
	require.NotContains(t, first.String(), "json/plain", "what it is is nobody's business either")
	require.NotEqual(t, first.GetPayloads()[0].GetData(), second.GetPayloads()[0].GetData(), "equal payloads don't look equal")

	var text string
	var number int
	require.NoError(t, data.FromPayloads(first, &text, &number))
	require.Equal(t, "distinctive", text)
	require.Equal(t, 42, number)
}

// A key is replaced in two steps: everybody gets the new one behind the old, then before it.
func TestOlderKeysDecrypt(t *testing.T) {
	older, newer := keyOf(1), keyOf(2)
	old, err := parse(t, older).DataConverter().ToPayload("text")
	require.NoError(t, err)
	prepared, replaced := parse(t, older+"\n"+newer+"\n"), parse(t, newer+" "+older)
	fresh, err := replaced.DataConverter().ToPayload("text")
	require.NoError(t, err)
	require.NotEqual(t, old.GetMetadata()["encryption-key-id"], fresh.GetMetadata()["encryption-key-id"])
	for _, keys := range []payload.Keys{prepared, replaced} {
		for _, p := range []*common.Payload{old, fresh} {
			var text string
			require.NoError(t, keys.DataConverter().FromPayload(p, &text))
			require.Equal(t, "text", text)
		}
	}
}

func TestMissingKeyIsNamed(t *testing.T) {
	p, err := parse(t, keyOf(1)).DataConverter().ToPayload("text")
	require.NoError(t, err)
	id := string(p.GetMetadata()["encryption-key-id"])
	for _, keys := range []payload.Keys{{}, parse(t, keyOf(2))} {
		var text string
		err := keys.DataConverter().FromPayload(p, &text)
		require.ErrorIs(t, err, payload.ErrNoKey)
		require.ErrorContains(t, err, id)
		require.ErrorContains(t, err, "TWINVIEW_PAYLOAD_KEY_FILE")
		require.Empty(t, text)
	}
}

func TestChangedPayloadsAreRefused(t *testing.T) {
	data := parse(t, keyOf(1)).DataConverter()
	for name, change := range map[string]func(*common.Payload){
		"a bit": func(p *common.Payload) { p.Data[len(p.Data)/2] ^= 1 },
		"nonce": func(p *common.Payload) { p.Data[0] ^= 1 },
		"short": func(p *common.Payload) { p.Data = p.Data[:20] },
		"empty": func(p *common.Payload) { p.Data = nil },
	} {
		p, err := data.ToPayload("text")
		require.NoError(t, err)
		change(p)
		var text string
		require.ErrorIs(t, data.FromPayload(p, &text), payload.ErrForged, name)
	}
}

// What was there before there was a key can still be read, and without one nothing is encrypted.
func TestPlainPayloadsPass(t *testing.T) {
	plain, err := payload.Keys{}.DataConverter().ToPayload("text")
	require.NoError(t, err)
	require.Equal(t, `"text"`, string(plain.GetData()))
	var text string
	require.NoError(t, parse(t, keyOf(1)).DataConverter().FromPayload(plain, &text))
	require.Equal(t, "text", text)
}

func TestFailuresAreEncrypted(t *testing.T) {
	keys := parse(t, keyOf(1))
	cause := temporal.NewApplicationError("distinctive cause", "BadData")
	f := keys.FailureConverter().ErrorToFailure(temporal.NewApplicationErrorWithCause("distinctive", "Busy", cause))
	require.NotContains(t, f.String(), "distinctive")
	require.Equal(t, "Busy", f.GetApplicationFailureInfo().GetType(), "Temporal decides by it what is tried again")
	require.Equal(t, "distinctive", keys.Message(f))
	require.Contains(t, payload.Keys{}.Message(f), "payload key missing")

	without := payload.Keys{}.FailureConverter().FailureToError(proto.CloneOf(f))
	require.ErrorContains(t, without, "payload key missing")
	require.ErrorContains(t, errors.Unwrap(without), "payload key missing")
	with := keys.FailureConverter().FailureToError(f)
	require.ErrorContains(t, with, "distinctive")
	require.ErrorContains(t, errors.Unwrap(with), "distinctive cause")
}

func TestFailuresStayReadableWithoutAKey(t *testing.T) {
	f := payload.Keys{}.FailureConverter().ErrorToFailure(temporal.NewApplicationError("what happened", "BadData"))
	require.Equal(t, "what happened", f.GetMessage())
	require.Equal(t, "what happened", parse(t, keyOf(1)).Message(f), "from before there was a key")
	require.Empty(t, payload.Keys{}.Message(nil))
}

func TestKeysFromEnv(t *testing.T) {
	t.Setenv(payload.EnvKey, "")
	t.Setenv(payload.EnvKeyFile, "")
	none, err := payload.KeysFromEnv()
	require.NoError(t, err)
	require.False(t, none.Encrypting())

	t.Setenv(payload.EnvKey, keyOf(7))
	fromVariable, err := payload.KeysFromEnv()
	require.NoError(t, err)
	require.True(t, fromVariable.Encrypting())

	path := filepath.Join(t.TempDir(), "keys")
	t.Setenv(payload.EnvKeyFile, path)
	_, err = payload.KeysFromEnv()
	require.ErrorContains(t, err, "TWINVIEW_PAYLOAD_KEY and TWINVIEW_PAYLOAD_KEY_FILE are both set")

	t.Setenv(payload.EnvKey, "")
	_, err = payload.KeysFromEnv()
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "TWINVIEW_PAYLOAD_KEY_FILE")

	for content, why := range map[string]string{
		"":                        "no key",
		"\n":                      "no key",
		"hidden":                  "key 1: no 32 bytes",
		keyOf(1) + "\nhidden==\n": "key 2: no 32 bytes",
		keyOf(1)[:40]:             "key 1: no 32 bytes",
	} {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		_, err = payload.KeysFromEnv()
		require.ErrorContains(t, err, why)
		require.ErrorContains(t, err, path)
		require.NotContains(t, err.Error(), "hidden")
		require.NotContains(t, err.Error(), keyOf(1)[:40])
	}

	require.NoError(t, os.WriteFile(path, []byte(hex.EncodeToString(bytes.Repeat([]byte{7}, 32))+"\n"), 0o600))
	fromFile, err := payload.KeysFromEnv()
	require.NoError(t, err)
	require.Equal(t, fromVariable.String(), fromFile.String(), "in either notation it is the same key")
}

func TestKeysAreNotPrinted(t *testing.T) {
	text := keyOf(3)
	keys := parse(t, text)
	raw := bytes.Repeat([]byte{3}, 32)
	for _, printed := range []string{fmt.Sprint(keys), fmt.Sprintf("%+v", keys), fmt.Sprintf("%#v", keys), fmt.Sprintf("%q %s", keys, keys)} {
		require.Contains(t, printed, "payload key ")
		require.NotContains(t, printed, text)
		require.NotContains(t, printed, hex.EncodeToString(raw))
		require.NotContains(t, printed, "3, 3, 3")
	}
}
