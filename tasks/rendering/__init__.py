"""From a product and a scene to a master: plan, staging, cut-out, controls, Kolors."""
