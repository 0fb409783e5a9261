"""Makes a component of the plugin in this folder. The manifest is not in it yet."""
