"""Pages, forms and webhooks."""
