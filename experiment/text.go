package experiment

import (
	"fmt"
	"time"
)

// Percent prints a fraction: "91.80 %".
func Percent(fraction float64) string { return fmt.Sprintf("%.2f %%", 100*fraction) }

// Seconds prints a duration as people say it: "3.2 s", "1h2m3s".
func Seconds(s float64) string {
	if s < 60 {
		return fmt.Sprintf("%.1f s", s)
	}
	return time.Duration(s * float64(time.Second)).Round(time.Second).String()
}
