package main

import (
	"os"

	"github.com/spf13/cobra"
)

// newCommand is the whole command line.
func newCommand() *cobra.Command {
	t := &target{}
	c := &cobra.Command{
		Use:   "starter",
		Short: "Submit contrastive-learning experiments, watch them, and fetch their models and reports",
		Long: `starter submits experiments to Temporal, shows how they are doing, and fetches what they produced.
The computing is done by workers.

Environment:
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS..., TEMPORAL_API_KEY
                       where Temporal is, also as a profile in temporal.toml (default localhost:7233, "default")
  TEMPORAL_UI_ADDRESS  URL of Temporal's web UI, for links
  MINIO_ENDPOINT       the object store: host:port, or http(s)://host:port
  MINIO_ACCESS_KEY, MINIO_SECRET_KEY, MINIO_SESSION_TOKEN
                       its credentials, the last only for temporary ones; or, with _FILE added, files that hold them
  MINIO_CA_FILE        a PEM file with the authority of its certificate, beside the system's
  MINIO_BUCKET         the bucket (default "simclr")
  TWINVIEW_PAYLOAD_KEY, TWINVIEW_PAYLOAD_KEY_FILE
                       keys that encrypt what Temporal keeps, or a file of them; those of the workers
  CIFAR10_ARCHIVE      for doctor: path of cifar-10-binary.tar.gz
  CIFAR100_ARCHIVE     the same of cifar-100-binary.tar.gz

Where no Temporal and no object store is named, those of "make up" in this folder are taken (.stack/env).

` + exitHelp + `

With "starter completion bash" (or zsh, fish, powershell) the shell completes names of experiments, their files and fields of
specs; "starter completion bash --help" says how to switch it on.`,
		Example: `  starter doctor
  starter spec init first.yaml --recipe demo
  starter run first.yaml --watch
  starter get first --out first`,
		SilenceUsage: true,
		// main prints the error.
		SilenceErrors: true,
		PersistentPreRunE: func(c *cobra.Command, _ []string) error {
			return t.useStack(stackFile, c.ErrOrStderr())
		},
	}
	f := c.PersistentFlags()
	f.StringVar(&t.address, "address", "", "host:port of Temporal; overrides TEMPORAL_ADDRESS")
	f.StringVar(&t.namespace, "namespace", "", "Temporal namespace; overrides TEMPORAL_NAMESPACE")
	completeFlag(c, "address", cobra.NoFileCompletions)
	completeFlag(c, "namespace", cobra.NoFileCompletions)
	c.AddCommand(
		newSpecCommand(), newRunCommand(t), newListCommand(t), newShowCommand(t), newWatchCommand(t), newGetCommand(),
		newCompareCommand(t), newPredictCommand(), newNeighborsCommand(),
		newPauseCommand(t), newResumeCommand(t), newStopCommand(t), newExtendCommand(t), newCancelCommand(t),
		newDoctorCommand(t), newGCCommand(t), newViewsCommand(t), newProvisionCommand(t),
	)
	c.SetOut(os.Stdout)
	t.completeArguments(c)
	return c
}
