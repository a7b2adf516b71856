"""The command line. ``boneage_desk.cli.main.main(argv, app)``; docs/json.md describes what it prints."""
