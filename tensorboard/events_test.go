package tensorboard

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// some are the scalars of testdata/events.hex.
var some = []Scalar{
	{Tag: "pretrain/loss", Description: "mean over the epoch's steps", Step: 1, WallTime: 30.25, Value: 6.5},
	{Tag: "pretrain/loss", Step: 2, WallTime: 60.5, Value: 5.25},
	{Tag: "pretrain/knn_accuracy", Step: 300, WallTime: 1e9 + 0.5, Value: 0.768},
}

// The golden file was read by TensorBoard itself, see testdata/read.py.
func TestEventFileIsTheOneThatTensorBoardRead(t *testing.T) {
	golden, err := os.ReadFile("testdata/events.hex")
	require.NoError(t, err)
	want, err := hex.DecodeString(string(bytes.Join(bytes.Fields(golden), nil)))
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, Write(&got, some))
	require.Equal(t, want, got.Bytes())
}

// RFC 3720, B.4 has the CRC-32C of 32 zeros, 0x8a9136aa; rotated right by 15 bits and with the constant added it is this.
func TestMaskedChecksum(t *testing.T) {
	require.Equal(t, uint32(0x0fd7fffa), masked(make([]byte, 32)))
}

// broken takes some writes and no more.
type broken struct{ left int }

func (b *broken) Write(p []byte) (int, error) {
	if b.left--; b.left < 0 {
		return 0, errors.New("disk full")
	}
	return len(p), nil
}

func TestWriteSaysWhatFailed(t *testing.T) {
	require.EqualError(t, Write(&broken{}, some), "write event file: disk full")
	require.EqualError(t, Write(&broken{2}, some), "write event file: pretrain/loss at step 2: disk full")
}
