package telemetry

import "github.com/prometheus/client_golang/prometheus"

// DeviceMemory serves how many bytes training holds on a device, such as "cpu" or "cuda:0": now, and the most at once since the
// worker began. It asks with each scrape, from any goroutine.
func (m *Metrics) DeviceMemory(device string, held func() (now, peak int64)) {
	if m == nil {
		return
	}
	on := prometheus.Labels{"device": device}
	m.gaugeFunc("twinview_device_memory_bytes", "Memory that training holds on the device: weights, activations, gradients, the optimiser's.",
		on, func() float64 { now, _ := held(); return float64(now) })
	m.gaugeFunc("twinview_device_memory_peak_bytes", "The most that twinview_device_memory_bytes has been since the worker began.",
		on, func() float64 { _, peak := held(); return float64(peak) })
}

// PeakMemory serves the most bytes that the process has had resident. Where the machine does not tell, nothing is served.
func (m *Metrics) PeakMemory(peak func() (int64, error)) {
	if m == nil {
		return
	}
	if _, err := peak(); err != nil {
		return
	}
	m.gaugeFunc("twinview_resident_memory_peak_bytes", "The most that process_resident_memory_bytes has been since the worker began.",
		nil, func() float64 {
			bytes, _ := peak() // it told before
			return float64(bytes)
		})
}

func (m *Metrics) gaugeFunc(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}
