package storage

import (
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"
)

// fileKeys gives minio-go the credentials for each request.
type fileKeys struct{ Config }

// keyFileError is a file that holds no key. It never quotes what the file holds.
type keyFileError struct{ error }

func (e keyFileError) Unwrap() error { return e.error }

// read is the credentials of this moment.
func (k fileKeys) read() (v credentials.Value, err error) {
	v.SignerType = credentials.SignatureV4
	for _, key := range []struct {
		variable, value, file string
		to                    *string
	}{
		{EnvAccessKey, k.AccessKey, k.AccessKeyFile, &v.AccessKeyID},
		{EnvSecretKey, k.SecretKey, k.SecretKeyFile, &v.SecretAccessKey},
		{EnvSessionToken, k.SessionToken, k.SessionTokenFile, &v.SessionToken},
	} {
		*key.to = key.value
		if key.file == "" {
			continue
		}
		if key.value != "" {
			return v, keyFileError{fmt.Errorf("%s and %[1]s%s are both set: remove one", key.variable, suffixFile)}
		}
		if *key.to, err = readKey(key.variable+suffixFile, key.file); err != nil {
			return v, err
		}
	}
	return v, nil
}

// readKey reads a file as Docker and Kubernetes mount secrets. A newline at the end is no part of the key.
func readKey(variable, path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", keyFileError{fmt.Errorf("read the key that %s names: %w", variable, err)}
	}
	key := strings.TrimRight(string(content), "\r\n")
	if key == "" {
		return "", keyFileError{fmt.Errorf("%s names %s, which is empty: put the key there", variable, path)}
	}
	if strings.ContainsAny(key, "\r\n") {
		return "", keyFileError{fmt.Errorf("%s names %s, which has more than one line: want the key alone", variable, path)}
	}
	return key, nil
}

// Keys are the credentials of this moment, with which somebody else than a Store can sign requests.
func (c Config) Keys() (credentials.Value, error) { return fileKeys{c}.read() }

// KeyFromEnv is what the variable holds, or the file that the variable of this name with _FILE behind it names; empty where
// neither is set.
func KeyFromEnv(variable string) (string, error) {
	value, file := os.Getenv(variable), os.Getenv(variable+suffixFile)
	switch {
	case file == "":
		return value, nil
	case value != "":
		return "", fmt.Errorf("%s and %[1]s%s are both set: remove one", variable, suffixFile)
	}
	return readKey(variable+suffixFile, file)
}

// RetrieveWithCredContext is read, for minio-go.
func (k fileKeys) RetrieveWithCredContext(*credentials.CredContext) (credentials.Value, error) {
	return k.read()
}

// Retrieve is read, for older callers of minio-go.
func (k fileKeys) Retrieve() (credentials.Value, error) { return k.read() }

// IsExpired has minio-go read the keys again: always, where they lie in files. A mounted secret is replaced at any time, and
// reading it costs nothing beside a request.
func (k fileKeys) IsExpired() bool { return k.fromFiles() }

func (c Config) fromFiles() bool { return c.AccessKeyFile+c.SecretKeyFile+c.SessionTokenFile != "" }

// keySettings says where the credentials are set, and what else is needed for new ones to be used.
func (c Config) keySettings() (where, then string) {
	if c.fromFiles() {
		return fmt.Sprintf("the files that %s%s and %s%[2]s name", EnvAccessKey, suffixFile, EnvSecretKey), ""
	}
	return fmt.Sprintf("%s and %s", EnvAccessKey, EnvSecretKey), " and start again"
}

// trusted are the authorities that may vouch for the server: the system's and those of CAFile. nil is the system's alone.
func (c Config) trusted() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	content, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the certificates that %s names: %w", EnvCAFile, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(content) {
		return nil, errors.New(EnvCAFile + " names " + c.CAFile + ", which holds no certificate in PEM")
	}
	return pool, nil
}
