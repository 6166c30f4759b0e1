"""What all tests share."""

pytest_plugins = ["tests.faults_report"]
