"""Every tier; importing this package registers them."""
