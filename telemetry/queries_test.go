package telemetry

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metricsql"
	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// rules is what Prometheus reads from a file of alerts.
type rules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func readAlerts(t *testing.T) rules {
	t.Helper()
	text, err := os.ReadFile("../deploy/prometheus/alerts.yml")
	require.NoError(t, err)
	var r rules
	require.NoError(t, yaml.UnmarshalWithOptions(text, &r, yaml.Strict()))
	return r
}

// queriesOf finds every "expr" and every query of a variable in the dashboard.
func queriesOf(v any) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			if text, ok := inner.(string); ok && name == "expr" {
				all = append(all, text)
			} else if ok && name == "definition" {
				text = strings.TrimPrefix(text, "label_values(")
				metric, _, _ := strings.Cut(text, ",")
				all = append(all, metric)
			}
			all = append(all, queriesOf(inner)...)
		}
	case []any:
		for _, inner := range v {
			all = append(all, queriesOf(inner)...)
		}
	}
	return all
}

func readDashboard(t *testing.T) (dashboard map[string]any, queries []string) {
	t.Helper()
	text, err := os.ReadFile("../deploy/grafana/dashboards/twinview.json")
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &dashboard))
	return dashboard, queriesOf(dashboard)
}

// selectors are what a query reads, by parsing it.
func selectors(t *testing.T, query string) (all []*metricsql.MetricExpr) {
	t.Helper()
	parsed, err := metricsql.Parse(query)
	require.NoError(t, err, query)
	metricsql.VisitAll(parsed, func(e metricsql.Expr) {
		if m, ok := e.(*metricsql.MetricExpr); ok {
			all = append(all, m)
		}
	})
	require.NotEmpty(t, all, query)
	return all
}

// exported are the labels of all metrics that a worker has once everything has happened to it, with what Prometheus makes of
// histograms.
func exported(t *testing.T) map[string][]string {
	t.Helper()
	m := NewMetrics()
	defer tell(m)()
	families, err := m.Gather()
	require.NoError(t, err)
	labels := map[string][]string{}
	for _, family := range families {
		for _, suffix := range []string{"", "_bucket", "_sum", "_count"} {
			name := family.GetName() + suffix
			labels[name] = append(labels[name], "instance", "job", "le")
			for _, l := range family.GetMetric()[0].GetLabel() {
				labels[name] = append(labels[name], l.GetName())
			}
		}
	}
	return labels
}

// Every metric that the dashboard and the alerts ask for is one that a worker exports, with these labels. Those of Temporal's SDK
// are looked for in a running worker, see integration.
func TestDashboardAndAlertsAskForWhatThereIs(t *testing.T) {
	there := exported(t)
	_, queries := readDashboard(t)
	require.Greater(t, len(queries), 25)
	for _, group := range readAlerts(t).Groups {
		for _, rule := range group.Rules {
			queries = append(queries, rule.Expr)
		}
	}
	asked := map[string]bool{}
	for _, query := range queries {
		for _, s := range selectors(t, query) {
			for _, alternatives := range s.LabelFilterss {
				name := alternatives[0].Value
				require.Equal(t, "__name__", alternatives[0].Label)
				asked[name] = true
				if strings.HasPrefix(name, "temporal_") {
					continue
				}
				require.Contains(t, there, name, query)
				for _, filter := range alternatives[1:] {
					require.Contains(t, there[name], filter.Label, query)
				}
			}
		}
	}
	for name := range there { // and nothing of ours is forgotten
		if base := strings.TrimSuffix(name, "_bucket"); base != name && asked[name] {
			delete(there, base)
		}
	}
	for name := range there {
		suffixed := regexp.MustCompile(`_(bucket|sum|count)$`).MatchString(name)
		if strings.HasPrefix(name, "twinview_") && !suffixed && name != "twinview_build_info" {
			require.True(t, asked[name] || name == "twinview_training_steps_total", "no panel shows %s", name)
		}
	}
}

func TestAlertsSayWhatToDo(t *testing.T) {
	for _, group := range readAlerts(t).Groups {
		for _, rule := range group.Rules {
			require.Regexp(t, "^Twinview[A-Z][A-Za-z]+$", rule.Alert)
			require.Contains(t, []string{"critical", "warning", "info"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
			if rule.For != "" {
				_, err := time.ParseDuration(rule.For)
				require.NoError(t, err, rule.Alert)
			}
		}
	}
}

// Panels have a title, a description and a unit, and lie side by side without overlapping.
func TestDashboardIsLaidOut(t *testing.T) {
	dashboard, _ := readDashboard(t)
	taken := map[[2]int]string{}
	var ids []float64
	for _, p := range dashboard["panels"].([]any) {
		panel := p.(map[string]any)
		title := panel["title"].(string)
		require.NotEmpty(t, title)
		require.NotContains(t, ids, panel["id"])
		ids = append(ids, panel["id"].(float64))
		at := panel["gridPos"].(map[string]any)
		n := func(key string) int { return int(at[key].(float64)) }
		for x := n("x"); x < n("x")+n("w"); x++ {
			require.Less(t, x, 24, title)
			for y := n("y"); y < n("y")+n("h"); y++ {
				require.Empty(t, taken[[2]int{x, y}], title)
				taken[[2]int{x, y}] = title
			}
		}
		if panel["type"] == "row" {
			continue
		}
		require.NotEmpty(t, panel["description"], title)
		defaults := panel["fieldConfig"].(map[string]any)["defaults"].(map[string]any)
		units := []string{"none", "percentunit", "s", "bytes", "Bps", "ops", "reqps"}
		require.True(t, slices.Contains(units, defaults["unit"].(string)), title)
	}
}
