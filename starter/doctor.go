package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	neturl "net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	enums "go.temporal.io/api/enums/v1"

	"twinview/dataset"
	"twinview/experiment"
	"twinview/storage"
)

// checkTimeout bounds each check.
const checkTimeout = 15 * time.Second

// pollFresh is how new a worker's last poll must be. A poll takes up to a minute, and Temporal remembers dead workers for
// five.
const pollFresh = 90 * time.Second

// errUnwell is the end of a doctor who has found something.
var errUnwell = errors.New("something needs attention, see above")

// finding is the outcome of one check; the fields are those of doctor's JSON.
type finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	// Detail is what was found, or what is wrong and what to do.
	Detail string `json:"detail"`
}

// checks are in the order in which they are made; the names are the values of --only.
var checks = []string{"temporal", "attributes", "workers", "store", "data"}

func newDoctorCommand(t *target) *cobra.Command {
	var (
		format output
		only   []string
		fix    bool
	)
	c := &cobra.Command{
		Use:   "doctor [SPEC]",
		Short: "Check that Temporal, workers, the object store and the data are there",
		Long: `doctor checks whether Temporal is reachable and has the search attributes of experiments, whether workers poll its
task queues, whether the object store is reachable and has the bucket, and whether the data set of SPEC (by default
CIFAR-10) can be found from here. Each line says what is there, or what is wrong and what to do. The exit code is 1 where
something is wrong.

With --fix it registers the search attributes where the namespace lacks them.

Workers look for the data themselves: where they run on other machines, only they can tell whether it is there.`,
		Example: `  starter doctor
  starter doctor --fix
  starter doctor --only data configs/demo.yaml
  until starter doctor --only temporal,workers >/dev/null; do sleep 1; done; starter run first.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			d := experiment.Default().Dataset
			if len(args) == 1 {
				spec, err := readSpec(args[0], c.InOrStdin(), specFlags{})
				if err != nil {
					return err
				}
				d = spec.Dataset
			}
			for _, name := range only {
				if !slices.Contains(checks, name) {
					return usageError{fmt.Errorf("--only: no check is called %q: must be some of %s", name, strings.Join(checks, ", "))}
				}
			}
			findings := examine(c.Context(), t, d, only, fix)
			if err := writeFindings(c.OutOrStdout(), format, findings); err != nil {
				return err
			}
			if slices.ContainsFunc(findings, func(f finding) bool { return !f.OK }) {
				return errUnwell
			}
			return nil
		},
	}
	format.addFlag(c)
	c.Flags().BoolVar(&fix, "fix", false, "register the search attributes that are missing")
	c.Flags().StringSliceVar(&only, "only", nil, "make only these checks: "+strings.Join(checks, ", "))
	completeFlag(c, "only", cobra.FixedCompletions(checks, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// examine makes the checks that only names, all where it is empty. fix lets it mend what it can.
func examine(ctx context.Context, t *target, d experiment.Dataset, only []string, fix bool) []finding {
	wanted := func(name string) bool { return len(only) == 0 || slices.Contains(only, name) }
	var findings []finding
	add := func(name string, check func(context.Context) (string, error)) {
		if !wanted(name) {
			return
		}
		ctx, cancel := context.WithTimeout(ctx, checkTimeout)
		defer cancel()
		detail, err := check(ctx)
		if err != nil {
			detail = err.Error()
		}
		findings = append(findings, finding{Check: name, OK: err == nil, Detail: detail})
	}
	add("temporal", func(ctx context.Context) (string, error) { return checkTemporal(ctx, t) })
	add("attributes", func(ctx context.Context) (string, error) { return checkAttributes(ctx, t, fix) })
	add("workers", func(ctx context.Context) (string, error) { return checkWorkers(ctx, t) })
	add("store", checkStore)
	add("data", func(ctx context.Context) (string, error) { return checkData(ctx, d) })
	return findings
}

func checkTemporal(ctx context.Context, target *target) (string, error) {
	t, err := target.dial(ctx)
	if err != nil {
		return "", err
	}
	defer t.Close()
	// A server without the namespace answers the dialling all the same.
	if _, err := t.list(ctx, filter{limit: 1, sort: sortAge}); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, namespace %s", t.address, t.namespace), nil
}

func checkWorkers(ctx context.Context, target *target) (string, error) {
	t, err := target.dial(ctx)
	if err != nil {
		return "", err
	}
	defer t.Close()
	var found []string
	for _, queue := range []string{experiment.QueueGeneral, experiment.QueueTrain} {
		workers, err := t.workers(ctx, queue)
		if err != nil {
			return "", err
		}
		if len(workers) == 0 {
			return "", fmt.Errorf("no worker polls %q: start one with `make up`, or bin/worker, and look at its log", queue)
		}
		found = append(found, fmt.Sprintf("%d for %q", len(workers), queue))
	}
	return strings.Join(found, ", "), nil
}

// workers are the identities of those that have lately polled a queue for activities.
func (t *connection) workers(ctx context.Context, queue string) ([]string, error) {
	description, err := t.DescribeTaskQueue(ctx, queue, enums.TASK_QUEUE_TYPE_ACTIVITY)
	if err != nil {
		return nil, fmt.Errorf("ask Temporal at %s who polls %q: %w", t.address, queue, err)
	}
	var identities []string
	for _, poller := range description.GetPollers() {
		if time.Since(poller.GetLastAccessTime().AsTime()) < pollFresh {
			identities = append(identities, poller.GetIdentity())
		}
	}
	return identities, nil
}

func checkStore(ctx context.Context) (string, error) {
	config, err := storage.ConfigFromEnv()
	if err != nil {
		return "", err
	}
	store, err := storage.Open(ctx, config)
	if err != nil {
		return "", err
	}
	return config.String(), store.Ping(ctx)
}

// checkData looks for the data set the way a worker on this machine would, without fetching it.
func checkData(ctx context.Context, d experiment.Dataset) (string, error) {
	if d.Name == experiment.Synthetic {
		return "synthetic images, drawn by code", nil
	}
	if d.Name == experiment.ImageFolder {
		return checkFolder(ctx, d)
	}
	source, sha256, err := dataset.Locate(d)
	if err != nil {
		return "", err
	}
	if strings.Contains(source, "://") {
		err = askServer(ctx, source)
	} else {
		_, err = os.Stat(source)
	}
	if err != nil {
		chain := dataset.ChainOf(d.Name)
		return "", fmt.Errorf("%w: put the archive at %s, name it in %s or dataset.source, "+
			"or take images drawn by code: --set dataset.name=synthetic", err, chain.Local, chain.Variable)
	}
	return fmt.Sprintf("%s from %s, SHA-256 %.12s…", d.Name, source, sha256), nil
}

// checkFolder looks for a folder of images, or an archive of one, and says which digest pins what is in a folder now.
func checkFolder(ctx context.Context, d experiment.Dataset) (string, error) {
	if strings.Contains(d.Source, "://") {
		return fmt.Sprintf("images from %s, SHA-256 %.12s…", d.Source, d.SHA256), askServer(ctx, d.Source)
	}
	info, err := os.Stat(d.Source)
	if err != nil {
		return "", fmt.Errorf("dataset.source: %w: give a folder of images, or a .zip, .tar or .tar.gz of it, by path or URL", err)
	}
	if !info.IsDir() {
		return fmt.Sprintf("images from %s, SHA-256 %.12s…", d.Source, d.SHA256), nil
	}
	sum, err := dataset.ListDigest(ctx, d.Source)
	if err != nil {
		return "", err
	}
	if d.SHA256 != "" && d.SHA256 != sum {
		return "", fmt.Errorf("dataset.sha256: the images of %s have %s, not %s: they have changed; correct the digest if these are meant",
			d.Source, sum, d.SHA256)
	}
	return fmt.Sprintf("images from the folder %s; dataset.sha256: %s holds them to what they are now", d.Source, sum), nil
}

// askServer checks that a URL could be fetched.
func askServer(ctx context.Context, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
	if err != nil {
		return fmt.Errorf("ask for %s: %w", url, err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		// Without its URL, to which the server may have led, and which may be signed.
		if at := (*neturl.Error)(nil); errors.As(err, &at) {
			err = at.Err
		}
		return fmt.Errorf("reach the data set at %s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for %s: the server says %s", url, response.Status)
	}
	return nil
}

func writeFindings(w io.Writer, format output, findings []finding) error {
	if format == outputJSON {
		return writeJSON(w, findings)
	}
	for _, f := range findings {
		word := "ok"
		if !f.OK {
			word = "FAIL"
		}
		if _, err := fmt.Fprintf(w, "%-4s  %-10s  %s\n", word, f.Check, f.Detail); err != nil {
			return err
		}
	}
	return nil
}
