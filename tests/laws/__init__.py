"""The laws that every stream keeps, whatever the provider."""
