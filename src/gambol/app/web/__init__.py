"""gambol studio: the web application, one process that serves one project on one port."""
