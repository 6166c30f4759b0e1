// Package v1 declares the tolerations that flags of `trivy kubernetes` name: https://pkg.go.dev/k8s.io/api/core/v1#Toleration.
package v1

type (
	TaintEffect        string
	TolerationOperator string
)

type Toleration struct {
	Key               string
	Operator          TolerationOperator
	Value             string
	Effect            TaintEffect
	TolerationSeconds *int64
}

const (
	TaintEffectNoSchedule       TaintEffect = "NoSchedule"
	TaintEffectPreferNoSchedule TaintEffect = "PreferNoSchedule"
	TaintEffectNoExecute        TaintEffect = "NoExecute"

	TolerationOpEqual  TolerationOperator = "Equal"
	TolerationOpExists TolerationOperator = "Exists"
)
