package main

import (
	"fmt"
	"net/url"
	"strings"
)

// artifactsURL is the flag that says where browsers find the bucket. It goes into histories and onto web pages, so it may not hold
// what lets people in.
type artifactsURL string

func (a *artifactsURL) String() string { return string(*a) }

// Type is what --help calls the value.
func (a *artifactsURL) Type() string { return "url" }

func (a *artifactsURL) Set(value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil:
		return err
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("%q is no http(s) URL", value)
	case u.User != nil:
		return fmt.Errorf("the URL for %s names a user: everybody who sees an experiment would see that too", u.Host)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("the URL for %s goes on behind its path: keys are put there", u.Host)
	}
	*a = artifactsURL(strings.TrimSuffix(u.String(), "/") + "/")
	return nil
}
