"""A Kafka image that kdev has not seen yet, so that its one-time preparation can be measured and leaves nothing."""

import json

from interrupt import shielded


class FreshImage:
    """The same image under another id: one label more, no layer more."""

    def __init__(self, engine, base, prefix):
        self.engine, self.base = engine, base
        self.name = f"{prefix}/kafka:fresh"
        self.id = None

    def __enter__(self):
        self.engine.build(self.name, f"FROM {self.base}\nLABEL kdev-bench={self.name}\n")
        self.id = self.engine.image_id(self.name)
        return self

    def __exit__(self, *_):
        with shielded():
            mine = json.dumps({"label": [f"kdev.base={self.id}"]})
            # A preparation that was interrupted leaves its container.
            for container in self.engine.get("/containers/json", all="true", filters=mine):
                self.engine.remove(f"/containers/{container['Id']}", force="1", v="1")
            for prepared in self.engine.get("/images/json", filters=mine):
                self.engine.remove(f"/images/{prepared['Id']}", force="1")
            self.engine.remove(f"/images/{self.name}", force="1")
