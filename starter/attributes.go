package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	enums "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/sdk/temporal"

	"twinview/attribute"
	"twinview/experiment"
)

// attributes are those that the experiment is submitted with: none where Temporal is not to read what it keeps.
func (t *connection) attributes(spec experiment.Spec) temporal.SearchAttributes {
	if t.keys.Encrypting() {
		return temporal.NewSearchAttributes()
	}
	return attribute.Submitted(spec).All()
}

// registered are the search attributes of the namespace beside Temporal's own.
func (t *connection) registered(ctx context.Context) (map[string]enums.IndexedValueType, error) {
	answer, err := t.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{
		Namespace: t.namespace,
	})
	if err != nil {
		return nil, fmt.Errorf("ask Temporal at %s for the search attributes of namespace %q: %w", t.address, t.namespace, err)
	}
	return answer.GetCustomAttributes(), nil
}

// searchable says whether lists can be filtered by our attributes. A server that does not tell counts as one without.
func (t *connection) searchable(ctx context.Context) bool {
	there, err := t.registered(ctx)
	if err != nil {
		return false
	}
	missing, others := compareKinds(there)
	return len(missing) == 0 && len(others) == 0
}

// compareKinds are the attributes that are not there, and those that are there with another type.
func compareKinds(there map[string]enums.IndexedValueType) (missing map[string]enums.IndexedValueType, others []string) {
	missing = map[string]enums.IndexedValueType{}
	for name, kind := range attribute.Kinds() {
		switch found, ok := there[name]; {
		case !ok:
			missing[name] = kind
		case found != kind:
			others = append(others, fmt.Sprintf("%s is %s, not %s", name, found, kind))
		}
	}
	slices.Sort(others)
	return missing, others
}

// checkAttributes looks whether the namespace has our search attributes, and registers those that it lacks where fix says so.
func checkAttributes(ctx context.Context, target *target, fix bool) (string, error) {
	t, err := target.dial(ctx)
	if err != nil {
		return "", err
	}
	defer t.Close()
	if t.keys.Encrypting() {
		return "none: with a payload key, Temporal gets nothing that it can read", nil
	}
	there, err := t.registered(ctx)
	if err != nil {
		return "", err
	}
	missing, others := compareKinds(there)
	names := strings.Join(slices.Sorted(maps.Keys(missing)), ", ")
	switch {
	case len(others) > 0:
		return "", fmt.Errorf("namespace %q has search attributes of these names with other types (%s), and their types can't be "+
			"changed: use another namespace; in this one, experiments run without them and lists show less", t.namespace,
			strings.Join(others, "; "))
	case len(missing) == 0:
		return "all " + fmt.Sprint(len(attribute.Kinds())) + " registered", nil
	case !fix:
		return "", fmt.Errorf("namespace %q has no search attributes %s: `starter doctor --fix` registers them, which takes the right "+
			"to administer the namespace; until then experiments run without them and lists show less", t.namespace, names)
	}
	_, err = t.OperatorService().AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{
		Namespace: t.namespace, SearchAttributes: missing,
	})
	if err != nil {
		return "", fmt.Errorf("register the search attributes %s in namespace %q: %w: have an administrator do it", names,
			t.namespace, err)
	}
	return fmt.Sprintf("registered %s; a busy server may take a minute to know them", names), nil
}
