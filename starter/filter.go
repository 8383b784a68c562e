package main

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"twinview/attribute"
	"twinview/experiment"
)

// Values of list --sort.
const (
	sortAge      = "age"
	sortAccuracy = "accuracy"
	sortLoss     = "loss"
	sortStage    = "stage"
	sortName     = "name"
)

var sorts = []string{sortAge, sortAccuracy, sortLoss, sortStage, sortName}

// statuses are the values of list --status, with what Temporal says of the workflows that they mean.
var statuses = []struct{ name, query string }{
	{"running", "ExecutionStatus = 'Running'"},
	{"paused", "ExecutionStatus = 'Running'"},
	{"finished", "ExecutionStatus = 'Completed'"},
	{"failed", "ExecutionStatus IN ('Failed', 'TimedOut')"},
	{"stopped", "ExecutionStatus IN ('Canceled', 'Terminated')"},
}

func statusNames() []string {
	var names []string
	for _, s := range statuses {
		names = append(names, s.name)
	}
	return names
}

// filter says which experiments to list. An empty field lets all pass.
type filter struct {
	stage, method, dataset, status, query string
	since                                 string
	sort                                  string
	limit                                 int
}

func (f *filter) addFlags(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.status, "status", "", "only those that are "+strings.Join(statusNames(), ", ")+
		"; stopped means cancelled or terminated")
	flags.StringVar(&f.stage, "stage", "", "only those in this stage, or that ended in it: "+strings.Join(experiment.Stages(), ", "))
	flags.StringVar(&f.method, "method", "", "only those with this loss, as in simclr")
	flags.StringVar(&f.dataset, "dataset", "", "only those on this data set, as in cifar10")
	flags.StringVar(&f.since, "since", "", "only those begun since then: 36h, 7d, or a date as in 2026-01-31")
	flags.StringVar(&f.query, "query", "", "only those that a list filter of Temporal's finds, as in 'BestAccuracy > 0.8'")
	flags.StringVar(&f.sort, "sort", sortAge, "by "+strings.Join(sorts, ", ")+"; the best or newest first")
	flags.IntVarP(&f.limit, "limit", "n", 50, "at most this many")
	for name, values := range map[string][]string{
		"status": statusNames(), "stage": experiment.Stages(), "sort": sorts,
		"method":  {experiment.SimCLR, experiment.BarlowTwins},
		"dataset": {experiment.CIFAR10, experiment.CIFAR100, experiment.ImageFolder, experiment.Synthetic},
	} {
		// It fails only for a flag that is not there.
		_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
}

// word is what names of methods and data sets are made of, so that they need no quoting in a query.
var word = regexp.MustCompile(`^[\w.-]*$`)

func (f *filter) check(now time.Time) error {
	var problems []error
	oneOf := func(flag, value string, values []string) {
		if value != "" && !slices.Contains(values, value) {
			problems = append(problems, fmt.Errorf("--%s: %q is none: must be one of %s", flag, value, strings.Join(values, ", ")))
		}
	}
	oneOf("status", f.status, statusNames())
	oneOf("stage", f.stage, experiment.Stages())
	oneOf("sort", f.sort, sorts)
	for flag, value := range map[string]string{"method": f.method, "dataset": f.dataset} {
		if !word.MatchString(value) {
			problems = append(problems, fmt.Errorf("--%s: %q is no name: it has letters, digits, dots and dashes", flag, value))
		}
	}
	if f.limit < 1 {
		problems = append(problems, fmt.Errorf("--limit: %d is out of range: must be at least 1", f.limit))
	}
	if _, err := f.begun(now); err != nil {
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// begun is the time since which experiments are wanted, zero for all.
func (f *filter) begun(now time.Time) (time.Time, error) {
	if f.since == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(f.since, "d"); ok {
		if n, err := strconv.ParseFloat(days, 64); err == nil && n >= 0 {
			return now.Add(-time.Duration(n * float64(24*time.Hour))), nil
		}
	}
	if d, err := time.ParseDuration(f.since); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.DateOnly, time.DateTime, time.RFC3339} {
		if at, err := time.ParseInLocation(layout, f.since, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since: %q is no time: must be as in 36h, 7d or 2026-01-31", f.since)
}

// narrows says whether it leaves anything out.
func (f *filter) narrows() bool {
	return f.stage+f.method+f.dataset+f.status+f.query+f.since != ""
}

// list is the query for Temporal's list. Experiments without search attributes pass, for let to decide: those that were submitted
// before there were any or with a payload key. Where the server has none, all do.
func (f *filter) list(now time.Time, searchable bool) string {
	clauses := f.common(now)
	if searchable {
		for _, c := range f.indexed() {
			name, _, _ := strings.Cut(c, " ")
			clauses = append(clauses, fmt.Sprintf("(%s OR %s IS NULL)", c, name))
		}
	}
	return strings.Join(clauses, " AND ")
}

// web is the query for the web UI's list.
func (f *filter) web(now time.Time) string {
	return strings.Join(append(f.common(now), f.indexed()...), " AND ")
}

// common are the clauses that every server understands.
func (f *filter) common(now time.Time) []string {
	clauses := []string{fmt.Sprintf("WorkflowType = '%s'", experiment.WorkflowExperiment)}
	for _, s := range statuses {
		if s.name == f.status {
			clauses = append(clauses, s.query)
		}
	}
	if begun, err := f.begun(now); err == nil && !begun.IsZero() {
		clauses = append(clauses, fmt.Sprintf("StartTime >= '%s'", begun.UTC().Format(time.RFC3339)))
	}
	if f.query != "" {
		clauses = append(clauses, "("+f.query+")")
	}
	return clauses
}

// indexed are the clauses about our search attributes, each of which begins with its name.
func (f *filter) indexed() []string {
	var clauses []string
	for _, c := range []struct{ name, value string }{
		{attribute.Stage, f.stage}, {attribute.Method, f.method}, {attribute.Dataset, f.dataset},
	} {
		if c.value != "" {
			clauses = append(clauses, fmt.Sprintf("%s = '%s'", c.name, c.value))
		}
	}
	switch f.status {
	case "paused":
		clauses = append(clauses, attribute.Paused+" = true")
	case "running":
		clauses = append(clauses, attribute.Paused+" = false")
	}
	return clauses
}

// lets says whether an experiment passes, of which Temporal's list can't know everything.
func (f *filter) lets(o overview) bool {
	same := func(wanted, is string) bool { return wanted == "" || wanted == is }
	if f.status == statusRunning && o.Status != statusRunning || f.status == statusPaused && o.Status != statusPaused {
		return false
	}
	return same(f.stage, o.Stage) && same(f.method, o.Method) && same(f.dataset, o.Dataset)
}

// order sorts experiments, which are the newest first, by what the filter says. Those that lack it come last.
func (f *filter) order(experiments []overview) {
	less := func(a, b overview) int { return 0 }
	switch f.sort {
	case sortAccuracy:
		less = func(a, b overview) int { return compareKnown(a.BestAccuracy, b.BestAccuracy, falling) }
	case sortLoss:
		less = func(a, b overview) int { return compareKnown(a.Loss, b.Loss, cmp.Compare) }
	case sortStage:
		all := experiment.Stages()
		less = func(a, b overview) int { return slices.Index(all, b.Stage) - slices.Index(all, a.Stage) }
	case sortName:
		less = func(a, b overview) int { return strings.Compare(a.Name, b.Name) }
	}
	slices.SortStableFunc(experiments, less)
}

// compareKnown compares two figures; an unknown one comes last.
func compareKnown(a, b *float64, compare func(a, b float64) int) int {
	switch {
	case a != nil && b != nil:
		return compare(*a, *b)
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	}
	return -1
}

func falling(a, b float64) int { return cmp.Compare(b, a) }
