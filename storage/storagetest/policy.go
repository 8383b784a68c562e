package storagetest

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7/pkg/credentials"

	"twinview/storage"
)

// Assume returns the configuration of somebody who may do what the policy of that name in deploy/minio allows, on the bucket of
// c: temporary credentials of MinIO, by AssumeRole.
func Assume(t testing.TB, c storage.Config, policy string) storage.Config {
	t.Helper()
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "deploy", "minio", policy+".json"))
	if err != nil {
		t.Fatal(err)
	}
	role, err := credentials.NewSTSAssumeRole(c.URL(), credentials.STSAssumeRoleOptions{
		AccessKey: c.AccessKey, SecretKey: c.SecretKey,
		Policy: strings.ReplaceAll(string(text), "arn:aws:s3:::"+storage.DefaultBucket, "arn:aws:s3:::"+c.Bucket),
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := role.GetWithContext(&credentials.CredContext{Client: http.DefaultClient})
	if err != nil {
		t.Fatalf("assume the role of %s: %v", policy, err)
	}
	c.AccessKey, c.SecretKey, c.SessionToken = v.AccessKeyID, v.SecretAccessKey, v.SessionToken
	return c
}
