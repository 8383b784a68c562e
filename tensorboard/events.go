// Package tensorboard writes the event files that TensorBoard shows. A file is a sequence of TFRecords; each holds one Event, a
// protocol buffer of TensorFlow's (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto). The few fields
// that curves need are written here directly: TensorFlow has no Go module for them.
package tensorboard

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Scalar is one point of a curve.
type Scalar struct {
	// Tag names the curve; what comes before its first slash is the section that TensorBoard puts it into.
	Tag string
	// Description is Markdown beside the curve; the first point of a tag decides.
	Description string
	Step        int64
	// WallTime is in seconds since 1970.
	WallTime float64
	Value    float32
}

// version is what the first event of a file says of its format.
const version = "brain.Event:2"

// Field numbers of the messages.
const (
	eventWallTime    = 1 // double
	eventStep        = 2 // int64
	eventFileVersion = 3 // string
	eventSummary     = 5 // Summary
	summaryValue     = 1 // Summary.Value

	valueTag         = 1 // string
	valueSimpleValue = 2 // float
	valueMetadata    = 9 // SummaryMetadata

	metadataPlugin      = 1 // PluginData
	metadataDescription = 3 // string
	pluginName          = 1 // string
)

// Write writes a whole event file with the scalars, in the order in which they are given.
func Write(w io.Writer, scalars []Scalar) error {
	var begin []byte
	begin = double(begin, eventWallTime, 0)
	begin = text(begin, eventFileVersion, version)
	if err := writeRecord(w, begin); err != nil {
		return fmt.Errorf("write event file: %w", err)
	}
	for _, s := range scalars {
		if err := writeRecord(w, s.event()); err != nil {
			return fmt.Errorf("write event file: %s at step %d: %w", s.Tag, s.Step, err)
		}
	}
	return nil
}

func (s Scalar) event() []byte {
	var value []byte
	value = text(value, valueTag, s.Tag)
	value = protowire.AppendTag(value, valueSimpleValue, protowire.Fixed32Type)
	value = protowire.AppendFixed32(value, math.Float32bits(s.Value))
	metadata := message(nil, metadataPlugin, text(nil, pluginName, "scalars"))
	if s.Description != "" {
		metadata = text(metadata, metadataDescription, s.Description)
	}
	value = message(value, valueMetadata, metadata)
	var event []byte
	event = double(event, eventWallTime, s.WallTime)
	event = protowire.AppendTag(event, eventStep, protowire.VarintType)
	event = protowire.AppendVarint(event, uint64(s.Step))
	return message(event, eventSummary, message(nil, summaryValue, value))
}

func double(b []byte, field protowire.Number, v float64) []byte {
	return protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), math.Float64bits(v))
}

func text(b []byte, field protowire.Number, v string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func message(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

// writeRecord writes one TFRecord: the length, its checksum, the data, its checksum, all little-endian.
func writeRecord(w io.Writer, data []byte) error {
	record := binary.LittleEndian.AppendUint64(nil, uint64(len(data)))
	record = binary.LittleEndian.AppendUint32(record, masked(record))
	record = append(record, data...)
	record = binary.LittleEndian.AppendUint32(record, masked(data))
	_, err := w.Write(record)
	return err
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// masked is TFRecord's checksum: CRC-32C rotated and shifted, as the checksum of data that hold checksums is a weak one.
func masked(data []byte) uint32 {
	sum := crc32.Checksum(data, castagnoli)
	return (sum>>15 | sum<<17) + 0xa282ead8
}
