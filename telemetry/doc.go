// Package telemetry is what a running worker tells of itself to the machines that watch it: metrics for Prometheus, whether it
// is alive and ready, and traces by OpenTelemetry. Nothing in it changes what is computed, and a nil *Metrics takes everything
// and keeps nothing.
package telemetry
