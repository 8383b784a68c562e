// Package minioadmin makes users and policies in MinIO, which S3 has no requests for. It speaks the part of MinIO's admin API that
// this needs and nothing else: MinIO's own client library for it is under the AGPL, which a program under another licence can't
// link.
package minioadmin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/minio/minio-go/v7/pkg/signer"

	"twinview/storage"
)

// ErrNoMinIO is an object store without MinIO's admin API.
var ErrNoMinIO = errors.New("not MinIO")

// Client acts as an administrator.
type Client struct {
	config storage.Config
	http   *http.Client
}

// New is a client for the store of the configuration, whose credentials are an administrator's.
func New(c storage.Config) (*Client, error) {
	client, err := c.HTTPClient()
	if err != nil {
		return nil, err
	}
	return &Client{config: c, http: client}, nil
}

// SetPolicy makes the policy, or replaces one of the same name.
func (c *Client) SetPolicy(ctx context.Context, name string, policy []byte) error {
	_, err := c.send(ctx, http.MethodPut, "add-canned-policy", url.Values{"name": {name}}, policy)
	return explain(err, "make policy "+name)
}

// SetUser makes the user, or gives one of the same access key another secret key.
func (c *Client) SetUser(ctx context.Context, accessKey, secretKey string) error {
	return explain(c.sealed(ctx, http.MethodPut, "add-user", url.Values{"accessKey": {accessKey}},
		map[string]string{"secretKey": secretKey, "status": "enabled"}), "make user "+accessKey)
}

// codeAttached is MinIO's answer where the user has the policy already.
const codeAttached = "XMinioAdminPolicyChangeAlreadyApplied"

// Attach gives the user the rights of the policy, beside those that it has.
func (c *Client) Attach(ctx context.Context, policy, accessKey string) error {
	err := c.sealed(ctx, http.MethodPost, "idp/builtin/policy/attach", nil,
		map[string]any{"policies": []string{policy}, "user": accessKey})
	if refused := (*refusal)(nil); errors.As(err, &refused) && refused.Code == codeAttached {
		return nil
	}
	return explain(err, fmt.Sprintf("attach policy %s to user %s", policy, accessKey))
}

func explain(err error, doing string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// sealed sends a message that is encrypted under the administrator's secret key.
func (c *Client) sealed(ctx context.Context, method, path string, query url.Values, message any) error {
	keys, err := c.config.Keys()
	if err != nil {
		return err
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	body, err := seal(keys.SecretAccessKey, text)
	if err != nil {
		return err
	}
	_, err = c.send(ctx, method, path, query, body)
	return err
}

// longestAnswer is more than any that is of use.
const longestAnswer = 1 << 20

func (c *Client) send(ctx context.Context, method, path string, query url.Values, body []byte) ([]byte, error) {
	keys, err := c.config.Keys()
	if err != nil {
		return nil, err
	}
	at := c.config.URL() + "/minio/admin/v3/" + path
	if len(query) > 0 {
		at += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, at, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	request.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	request.Header.Set("Content-Type", "application/octet-stream") // which MinIO wants of what is sealed
	region := c.config.Region
	if region == "" {
		region = storage.DefaultRegion
	}
	request = signer.SignV4(*request, keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken, region)
	response, err := c.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrUnreachable, err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, longestAnswer))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrUnreachable, err)
	}
	if response.StatusCode/100 != 2 {
		return nil, refusalOf(response, answer, c.config.URL())
	}
	return answer, nil
}

// refusal is an answer of MinIO that says no.
type refusal struct {
	Code    string
	Message string
	status  string
	server  string
}

func (r *refusal) Error() string {
	return fmt.Sprintf("MinIO at %s answers %s: %s (%s)", r.server, r.status, r.Message, r.Code)
}

// refusalOf reads what a server says instead of doing it. What it has no JSON for, it does not know.
func refusalOf(response *http.Response, answer []byte, server string) error {
	r := &refusal{status: response.Status, server: server}
	if err := json.Unmarshal(answer, r); err != nil || r.Code == "" {
		return fmt.Errorf("%w: %s answers %s to a request of MinIO's admin API: make users and policies there by its own means",
			ErrNoMinIO, server, response.Status)
	}
	switch response.StatusCode {
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%w: these credentials are none of an administrator: %w", storage.ErrAccess, r)
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		return fmt.Errorf("%w: %w", storage.ErrUnreachable, r)
	}
	return r
}
