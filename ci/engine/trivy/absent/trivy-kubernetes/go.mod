module github.com/aquasecurity/trivy-kubernetes

go 1.26
