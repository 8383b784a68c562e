package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"twinview/activities"
	"twinview/frontend"
	"twinview/payload"
	"twinview/storage"
)

// options are the worker's flags.
type options struct {
	address      string
	namespace    string
	cache        string
	threads      int
	device       device
	grace        time.Duration
	artifactsURL artifactsURL
	log          logging
	metrics      string
}

func newCommand() *cobra.Command {
	o := options{device: onCPU}
	c := &cobra.Command{
		Use:   "worker",
		Short: "Carry out experiments: poll Temporal, train here, keep artifacts in the object store",
		Long: `worker carries out the experiments that "starter run" submits.

It waits until Temporal and the object store are there, then polls two task queues: "twinview" for workflows, data
and reports, and "twinview-train" for training, one epoch at a time. The first SIGTERM or Ctrl-C ends it gracefully:
the running epoch stops behind its present step, leaves a checkpoint and is handed back, and another worker, or this
one when it is back, goes on from there. The second one ends it at once, which loses what came after the last
checkpoint inside the epoch (checkpoints.every_seconds of the spec, a minute where it does not say).

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS..., TEMPORAL_API_KEY
                    where Temporal is, also as a profile in temporal.toml (default localhost:7233, "default")
  MINIO_ENDPOINT    the object store: host:port, or http(s)://host:port
  MINIO_ACCESS_KEY, MINIO_SECRET_KEY, MINIO_SESSION_TOKEN
                    its credentials, the last only for temporary ones; or, with _FILE added, files that hold them
  MINIO_CA_FILE     a PEM file with the authority of its certificate, beside the system's
  MINIO_BUCKET      the bucket (default "simclr"); it is created where it is missing
  TWINVIEW_PAYLOAD_KEY, TWINVIEW_PAYLOAD_KEY_FILE
                    keys that encrypt what Temporal keeps, or a file of them; the starter needs the same
  OTEL_EXPORTER_OTLP_ENDPOINT and OpenTelemetry's other variables
                    a collector of traces, where there is one
  CIFAR10_ARCHIVE   path of cifar-10-binary.tar.gz, for specs that name no source
  CIFAR100_ARCHIVE  the same of cifar-100-binary.tar.gz
  OMP_WAIT_POLICY   "passive" where the worker shares its cores: threads then sleep while they wait for each other`,
		Example: `  worker
  worker --threads 8 --cache /var/cache/twinview
  worker --device cuda:0
  TEMPORAL_ADDRESS=temporal.lab:7233 MINIO_ENDPOINT=minio.lab:9000 worker`,
		Args:         cobra.NoArgs,
		SilenceUsage: true,
		// main prints the error.
		SilenceErrors: true,
		RunE: func(c *cobra.Command, _ []string) error {
			if o.grace < time.Second {
				return fmt.Errorf("--grace %s: a checkpoint is not stored in less than a second: give it more", o.grace)
			}
			release, err := o.device.take()
			if err != nil {
				return fmt.Errorf("--device %s: %w", o.device, err)
			}
			defer release()
			log, err := o.log.logger(os.Stderr)
			if err != nil {
				return err
			}
			keys, err := payload.KeysFromEnv()
			if err != nil {
				return err
			}
			temporal, err := frontend.Options(o.address, o.namespace, keys)
			if err != nil {
				return err
			}
			store, err := storage.ConfigFromEnv()
			if err != nil {
				return err
			}
			log.Info("what Temporal keeps of experiments", "encrypted", keys.Encrypting(), "with", keys)
			return run(c.Context(), log, o, temporal, store)
		},
	}
	f := c.Flags()
	f.StringVar(&o.address, "address", "", "host:port of Temporal; overrides TEMPORAL_ADDRESS")
	f.StringVar(&o.namespace, "namespace", "", "Temporal namespace; overrides TEMPORAL_NAMESPACE")
	f.StringVar(&o.cache, "cache", defaultCache(), "folder for copies of data sets; can be deleted at any time")
	f.IntVar(&o.threads, "threads", 0, "at most this many CPU threads, whatever a spec asks for; 0 for every core")
	f.Var(&o.device, "device", "what to train on: cpu, or cuda:0 for the first GPU, cuda:1 for the second; GPUs need a build for them")
	f.DurationVar(&o.grace, "grace", activities.DefaultGrace,
		"how long a stopping worker may take to store what it has and hand it back")
	f.Var(&o.artifactsURL, "artifacts-url",
		"where browsers find the bucket, as in https://files.lab/simclr/, for links in Temporal's web UI")
	f.StringVar(&o.metrics, "metrics-address", "",
		"host:port for /metrics (Prometheus), /healthz and /readyz, such as 127.0.0.1:9464; nothing is served without it")
	f.StringVar(&o.log.format, "log-format", formatText, "how to write the log: text (key=value) or json, one object a line")
	f.StringVar(&o.log.level, "log-level", "info", "what to log at least: debug, info, warn or error")
	c.AddCommand(newReadyCommand())
	return c
}

// limit is the number of threads to train with, where a spec asks for wanted (0: every core).
func (o options) limit(wanted int) int {
	most := o.threads
	if most <= 0 {
		most = runtime.NumCPU()
	}
	if wanted <= 0 || wanted > most {
		return most
	}
	return wanted
}

// defaultCache is the user's cache folder, or one beside the temporary files where the user has none.
func defaultCache() string {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir()
	}
	return filepath.Join(base, "twinview")
}
