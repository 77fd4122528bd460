"""prom: patient-reported outcomes after interventional pain procedures."""
