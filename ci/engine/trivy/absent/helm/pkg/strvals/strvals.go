// Package strvals stands in for the reader of `trivy config --helm-set`.
package strvals

import "errors"

var errAbsent = errors.New("this build of Trivy has no Helm")

func ParseInto(string, map[string]any) error { return errAbsent }

func ParseIntoString(string, map[string]any) error { return errAbsent }

func ParseIntoFile(string, map[string]any, func([]rune) (any, error)) error { return errAbsent }
