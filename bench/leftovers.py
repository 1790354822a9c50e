"""That a measurement leaves nothing on the engine is looked at, not believed."""

import json

from command import Unmeasurable


def left(engine, prefix):
    """What is there that bears our name."""
    named = json.dumps({"name": [prefix]})
    try:
        found = [name.lstrip("/") for each in engine.get("/containers/json", all="true", filters=named) for name in each["Names"]]
        found += [each["Name"] for each in engine.get("/networks", filters=named)]
        found += [each["Name"] for each in engine.get("/volumes", filters=named)["Volumes"] or []]
        found += [tag for each in engine.get("/images/json") for tag in each["RepoTags"] or [] if tag.startswith(prefix)]
    except Unmeasurable as error:
        return [f"unknown: {error}"]
    return found
