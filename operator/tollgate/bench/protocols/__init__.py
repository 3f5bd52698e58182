"""The protocols in which a model server can be spoken to, one module each, behind `base.Spoken`."""
