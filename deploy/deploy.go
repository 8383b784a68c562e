// Package deploy holds what servers are set up with. Beside the Go file lie the files of Docker Compose, Kubernetes, Prometheus
// and Grafana; docs/deploy.md says how they are used.
package deploy

import (
	"bytes"
	"embed"
	"fmt"

	"twinview/storage"
)

//go:embed minio/*.json
var policies embed.FS

// Roles that have a policy in deploy/minio.
const (
	// Worker reads and creates what experiments need, and removes checkpoints.
	Worker = "worker"
	// Reader reads experiments.
	Reader = "reader"
)

// Policy is what a role may do in a bucket, as IAM and MinIO take it.
func Policy(role, bucket string) ([]byte, error) {
	text, err := policies.ReadFile("minio/" + role + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no policy for role %q: want %s or %s", role, Worker, Reader)
	}
	const arn = "arn:aws:s3:::"
	return bytes.ReplaceAll(text, []byte(arn+storage.DefaultBucket), []byte(arn+bucket)), nil
}
