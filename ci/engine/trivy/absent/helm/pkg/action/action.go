// Package action declares how `trivy config` would render a chart. No call renders one, because loading a chart fails before.
package action

import (
	"context"
	"errors"

	"helm.sh/helm/v4/pkg/chart"
	"helm.sh/helm/v4/pkg/chart/common"
	v2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/release"
)

const DryRunClient = "client"

var errAbsent = errors.New("this build of Trivy has no Helm")

type Configuration struct{}

type Install struct {
	DryRunStrategy string
	Replace        bool
	ReleaseName    string
	APIVersions    []string
	KubeVersion    *common.KubeVersion
}

func NewInstall(*Configuration) *Install { return &Install{} }

func (*Install) RunWithContext(context.Context, *v2.Chart, map[string]any) (release.Releaser, error) {
	return nil, errAbsent
}

func CheckDependencies(*v2.Chart, []chart.Dependency) error { return errAbsent }
