package augment

// Flip mirrors m left to right.
func Flip(m Image) {
	for y := range m.Height {
		row := m.row(y)
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			left, right := row[i:i+3], row[j:j+3]
			left[0], right[0] = right[0], left[0]
			left[1], right[1] = right[1], left[1]
			left[2], right[2] = right[2], left[2]
		}
	}
}
