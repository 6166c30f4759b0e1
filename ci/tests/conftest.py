"""The plugins of all tests."""

pytest_plugins = ["tests.faults_report"]
