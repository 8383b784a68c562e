package dataset

import (
	"bytes"
	"encoding/binary"
)

// orientation is the EXIF orientation of a JPEG file, 1 to 8: 1, upright, where it says nothing or nothing sensible.
func orientation(file []byte) int {
	exif := exifSegment(file)
	if len(exif) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if bytes.HasPrefix(exif, []byte("II")) {
		order = binary.LittleEndian
	}
	directory := uint64(order.Uint32(exif[4:]))
	if directory+2 > uint64(len(exif)) {
		return 1
	}
	entries := exif[directory+2:]
	const entryLength, tag, short = 12, 0x0112, 3
	for range order.Uint16(exif[directory:]) {
		if len(entries) < entryLength {
			return 1
		}
		if order.Uint16(entries) == tag && order.Uint16(entries[2:]) == short {
			if value := order.Uint16(entries[8:]); value >= 1 && value <= 8 {
				return int(value)
			}
		}
		entries = entries[entryLength:]
	}
	return 1
}

// exifSegment is the TIFF structure inside a JPEG file's EXIF segment, nil where there is none before the pixels.
func exifSegment(file []byte) []byte {
	const header, app1, startOfScan = 4, 0xe1, 0xda
	rest := file[min(2, len(file)):]
	for len(rest) >= header && rest[0] == 0xff && rest[1] != startOfScan {
		if rest[1] == 0xff { // filling
			rest = rest[1:]
			continue
		}
		end := 2 + int(binary.BigEndian.Uint16(rest[2:]))
		if end < header || end > len(rest) {
			return nil
		}
		if content, found := bytes.CutPrefix(rest[header:end], []byte("Exif\x00\x00")); found && rest[1] == app1 {
			return content
		}
		rest = rest[end:]
	}
	return nil
}
