"""From one generation to many screens: resumable, shared, and spread over many processes.

    relay = Relay()                                  # an SQLite file; "redis://…"; "memory:"
    generation = await relay.start(params, owner="ada")
    async for event in generation.follow():          # any process, any number of readers
        ...

Importing this loads nothing but this; each name is loaded when it is first used.
"""
