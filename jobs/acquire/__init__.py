"""Landing: declared sources are retrieved, and their files become rows of the bronze layer."""
