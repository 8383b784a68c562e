package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"twinview/deploy"
	"twinview/frontend"
	"twinview/storage"
	"twinview/storage/minioadmin"
)

// provisioner prepares servers that nobody has prepared yet.
type provisioner struct {
	target    *target
	retention time.Duration
	// wait is how long servers may take to be there.
	wait time.Duration
}

// provision is one thing to prepare. do says what is there now; doing it again changes nothing.
type provision struct {
	name string
	do   func(context.Context) (string, error)
	// again says whether waiting helps.
	again func(error) bool
}

// all are in the order in which they are made; the names are the values of --only.
func (p *provisioner) all() []provision {
	always := func(error) bool { return true }
	return []provision{
		{"bucket", p.bucket, storage.Retryable},
		{"users", p.users, storage.Retryable},
		{"namespace", p.namespace, always},
		// A new namespace takes a few seconds until it has any.
		{"attributes", func(ctx context.Context) (string, error) { return checkAttributes(ctx, p.target, true) }, always},
	}
}

func newProvisionCommand(t *target) *cobra.Command {
	p := &provisioner{target: t}
	var format output
	var only []string
	c := &cobra.Command{
		Use:   "provision",
		Short: "Prepare new servers: bucket and users in MinIO, namespace and search attributes in Temporal",
		Long: `provision makes what workers and starters need on servers that have nothing yet: the bucket, a user for workers and one
for readers with no more rights than the policies in deploy/minio, Temporal's namespace, and the search attributes by which
experiments are found. What is there stays as it is, but users get the secret keys and the policies that are given now; so it can be run again at any time, for new keys above all.

It is for administrators, and for the job that sets a cluster up (docker-compose.yml, deploy/k8s). Users are made in MinIO
alone: on other object stores, leave them out and give the policies to whoever is to have them. Temporal Cloud makes
namespaces by its own means.

Environment, beside that of starter:
  MINIO_ACCESS_KEY, MINIO_SECRET_KEY                an administrator's credentials
  MINIO_WORKER_ACCESS_KEY, MINIO_WORKER_SECRET_KEY  those that workers will have
  MINIO_READER_ACCESS_KEY, MINIO_READER_SECRET_KEY  those for "starter get"; no reader is made where they are not set
With _FILE added, each names a file that holds it.`,
		Example: `  starter provision
  starter provision --only bucket,users
  starter provision --only namespace,attributes --retention 2160h`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			chosen, err := choosing(p.all(), only)
			if err != nil {
				return err
			}
			if p.retention < 24*time.Hour {
				return usageError{fmt.Errorf("--retention %s: Temporal keeps what has ended for a day at least: name 24h or more", p.retention)}
			}
			var findings []finding
			for _, step := range chosen {
				detail, err := p.until(c.Context(), step)
				findings = append(findings, finding{Check: step.name, OK: err == nil, Detail: detail})
				if err != nil {
					findings[len(findings)-1].Detail = err.Error()
					break
				}
			}
			if err := writeFindings(c.OutOrStdout(), format, findings); err != nil {
				return err
			}
			if !findings[len(findings)-1].OK {
				return errUnwell
			}
			return nil
		},
	}
	format.addFlag(c)
	c.Flags().StringSliceVar(&only, "only", nil, "prepare only these: bucket, users, namespace, attributes")
	c.Flags().DurationVar(&p.retention, "retention", 30*24*time.Hour, "how long a new namespace keeps experiments that have ended")
	c.Flags().DurationVar(&p.wait, "wait", time.Minute, "how long to wait for servers that do not answer yet")
	return c
}

// choosing are the steps that only names, all where it is empty.
func choosing(all []provision, only []string) ([]provision, error) {
	for _, name := range only {
		if !slices.ContainsFunc(all, func(step provision) bool { return step.name == name }) {
			return nil, usageError{fmt.Errorf("--only: nothing is called %q: must be some of bucket, users, namespace, attributes", name)}
		}
	}
	return slices.DeleteFunc(all, func(step provision) bool {
		return len(only) > 0 && !slices.Contains(only, step.name)
	}), nil
}

// until repeats a step while its server is not there, for as long as p waits.
func (p *provisioner) until(ctx context.Context, step provision) (string, error) {
	for end := time.Now().Add(p.wait); ; {
		detail, err := step.do(ctx)
		if err == nil || !step.again(err) || time.Now().After(end) || ctx.Err() != nil {
			return detail, err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
		}
	}
}

func (p *provisioner) bucket(ctx context.Context) (string, error) {
	store, config, err := openStoreOf(ctx)
	if err != nil {
		return "", err
	}
	return config.String(), store.EnsureBucket(ctx)
}

func openStoreOf(ctx context.Context) (*storage.Store, storage.Config, error) {
	config, err := storage.ConfigFromEnv()
	if err != nil {
		return nil, config, err
	}
	store, err := storage.Open(ctx, config)
	return store, config, err
}

// account is a user of the object store that is to be made.
type account struct{ role, accessKey, secretKey string }

// accounts are those that the environment names. Workers need one.
func accounts() ([]account, error) {
	var all []account
	for _, role := range []string{deploy.Worker, deploy.Reader} {
		names := [2]string{"MINIO_" + strings.ToUpper(role) + "_ACCESS_KEY", "MINIO_" + strings.ToUpper(role) + "_SECRET_KEY"}
		a := account{role: role}
		for i, value := range []*string{&a.accessKey, &a.secretKey} {
			var err error
			if *value, err = storage.KeyFromEnv(names[i]); err != nil {
				return nil, err
			}
		}
		if a.accessKey == "" && a.secretKey == "" && role == deploy.Reader {
			continue
		}
		// Also for the limits that MinIO has.
		if len(a.accessKey) < 3 || len(a.secretKey) < 8 {
			return nil, fmt.Errorf("set %s (at least 3 characters) and %s (at least 8) to what the %s is to have", names[0], names[1], role)
		}
		all = append(all, a)
	}
	return all, nil
}

func (p *provisioner) users(ctx context.Context) (string, error) {
	config, err := storage.ConfigFromEnv()
	if err != nil {
		return "", err
	}
	made, err := accounts()
	if err != nil {
		return "", err
	}
	administrator, err := config.Keys()
	if err != nil {
		return "", err
	}
	admin, err := minioadmin.New(config)
	if err != nil {
		return "", err
	}
	var names []string
	for _, a := range made {
		if a.accessKey == administrator.AccessKeyID {
			return "", fmt.Errorf("the %s is to have the administrator's access key %s: give it one of its own", a.role, a.accessKey)
		}
		if err := grant(ctx, admin, config, a); err != nil {
			return "", err
		}
		names = append(names, fmt.Sprintf("%s %s", a.role, a.accessKey))
	}
	return strings.Join(names, ", "), nil
}

// grant makes a user with the rights of its role, and looks whether it can get at the bucket.
func grant(ctx context.Context, admin *minioadmin.Client, config storage.Config, a account) error {
	text, err := deploy.Policy(a.role, config.Bucket)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("twinview-%s-%s", config.Bucket, a.role)
	for _, do := range []func() error{
		func() error { return admin.SetPolicy(ctx, name, text) },
		func() error { return admin.SetUser(ctx, a.accessKey, a.secretKey) },
		func() error { return admin.Attach(ctx, name, a.accessKey) },
	} {
		if err := do(); err != nil {
			return err
		}
	}
	config.AccessKeyFile, config.SecretKeyFile, config.SessionTokenFile, config.SessionToken = "", "", "", ""
	config.AccessKey, config.SecretKey = a.accessKey, a.secretKey
	store, err := storage.Open(ctx, config)
	if err != nil {
		return err
	}
	return store.Ping(ctx)
}

// namespace registers Temporal's where it is missing.
func (p *provisioner) namespace(ctx context.Context) (string, error) {
	t, err := p.target.dial(ctx)
	if err != nil {
		return "", err
	}
	defer t.Close()
	at := fmt.Sprintf("%s, namespace %s", t.address, t.namespace)
	service := t.WorkflowService()
	_, err = service.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: t.namespace})
	if !errors.As(err, new(*serviceerror.NamespaceNotFound)) && !errors.As(err, new(*serviceerror.NotFound)) {
		return at, frontend.Explain(t.options, err)
	}
	_, err = service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: t.namespace, Description: "Twinview's experiments",
		WorkflowExecutionRetentionPeriod: durationpb.New(p.retention),
	})
	if errors.As(err, new(*serviceerror.NamespaceAlreadyExists)) { // made in between
		err = nil
	}
	if err != nil {
		return "", fmt.Errorf("register namespace %q at %s: %w", t.namespace, t.address, frontend.Explain(t.options, err))
	}
	return at, nil
}
