package storage

import (
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
)

// Names of the environment variables that ConfigFromEnv reads.
const (
	EnvEndpoint     = "MINIO_ENDPOINT"
	EnvAccessKey    = "MINIO_ACCESS_KEY"
	EnvSecretKey    = "MINIO_SECRET_KEY"
	EnvSessionToken = "MINIO_SESSION_TOKEN"
	EnvBucket       = "MINIO_BUCKET"
	EnvRegion       = "MINIO_REGION"
	EnvCAFile       = "MINIO_CA_FILE"

	// suffixFile makes of a key's variable the one that names a file with the key.
	suffixFile = "_FILE"
)

const (
	// DefaultBucket is used where MINIO_BUCKET is not set.
	DefaultBucket = "simclr"
	// DefaultRegion is MinIO's own default.
	DefaultRegion = "us-east-1"
)

// Config says where the object store is and who asks. Printing it in any of the usual ways shows no key.
type Config struct {
	// Endpoint is host:port, without a scheme.
	Endpoint string
	// Secure speaks TLS.
	Secure bool
	Bucket string
	// Region is part of the request signature; empty means DefaultRegion.
	Region string
	// CAFile is a PEM file of certificates that are trusted beside the system's; empty for none.
	CAFile    string
	AccessKey string `json:"-"`
	SecretKey string `json:"-"`
	// SessionToken goes with temporary credentials; empty with others.
	SessionToken string `json:"-"`
	// AccessKeyFile, SecretKeyFile and SessionTokenFile, where they are set, are files that hold these three in place of the
	// fields above. They are read anew for each request, so that a store that is open takes up credentials that were replaced.
	AccessKeyFile, SecretKeyFile, SessionTokenFile string
}

// ConfigFromEnv reads MINIO_ENDPOINT (host:port, or http(s)://host:port), MINIO_ACCESS_KEY and MINIO_SECRET_KEY, which are
// required, and MINIO_SESSION_TOKEN, MINIO_BUCKET, MINIO_REGION and MINIO_CA_FILE. In place of each of the three keys, its name
// with _FILE can name a file that holds it. The error names every variable that is missing, and no key.
func ConfigFromEnv() (Config, error) {
	c := Config{
		AccessKey:        os.Getenv(EnvAccessKey),
		SecretKey:        os.Getenv(EnvSecretKey),
		SessionToken:     os.Getenv(EnvSessionToken),
		AccessKeyFile:    os.Getenv(EnvAccessKey + suffixFile),
		SecretKeyFile:    os.Getenv(EnvSecretKey + suffixFile),
		SessionTokenFile: os.Getenv(EnvSessionToken + suffixFile),
		Bucket:           envOr(EnvBucket, DefaultBucket),
		Region:           envOr(EnvRegion, DefaultRegion),
		CAFile:           os.Getenv(EnvCAFile),
	}
	var missing []string
	for _, name := range []string{EnvEndpoint, EnvAccessKey, EnvSecretKey} {
		if os.Getenv(name) == "" && (name == EnvEndpoint || os.Getenv(name+suffixFile) == "") {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return Config{}, fmt.Errorf("object store: environment variable %s not set: set %s=host:port, %s and %s, "+
			"the keys also as files that %[3]s%[5]s and %[4]s%[5]s name",
			strings.Join(missing, ", "), EnvEndpoint, EnvAccessKey, EnvSecretKey, suffixFile)
	}
	var err error
	c.Endpoint, c.Secure, err = parseEndpoint(os.Getenv(EnvEndpoint))
	if err != nil {
		return Config{}, err
	}
	if c.CAFile != "" && !c.Secure {
		return Config{}, fmt.Errorf("%s is set, but %s=%s asks for no TLS: use https://, or remove %[1]s", EnvCAFile, EnvEndpoint, c.URL())
	}
	// What is wrong with the files now is better said before anything else is done.
	_, err = fileKeys{c}.read()
	return c, err
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// parseEndpoint splits host:port, http://host:port or https://host:port. The error does not quote the value, which may
// hold a password.
func parseEndpoint(value string) (endpoint string, secure bool, err error) {
	if !strings.Contains(value, "://") {
		value = "http://" + value
	}
	u, err := url.Parse(value)
	plain := err == nil && u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
	if !plain || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", false, fmt.Errorf("%s: want host:port, http://host:port or https://host:port, "+
			"without user, path or query", EnvEndpoint)
	}
	return u.Host, u.Scheme == "https", nil
}

// URL is the endpoint with its scheme.
func (c Config) URL() string {
	if c.Secure {
		return "https://" + c.Endpoint
	}
	return "http://" + c.Endpoint
}

// String names the endpoint and the bucket.
func (c Config) String() string { return c.URL() + "/" + c.Bucket }

// GoString is what %#v prints: no keys either.
func (c Config) GoString() string { return fmt.Sprintf("storage.Config{%q}", c.String()) }

// LogValue is what slog prints.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }
