# ruff: noqa: INP001 - a file of settings, no module
"""A JupyterHub for a class, with one key that no student sees; docs/classroom.md explains it.

Start it with the key in the environment: ``ZAI_API_KEY=… jupyterhub -f jupyterhub_config.py``.
"""

import os
import sys

c = get_config()  # noqa: F821 - JupyterHub defines it

c.JupyterHub.bind_url = "http://127.0.0.1:8000"
c.Authenticator.allow_all = True  # whoever can log in to this computer

# Asks the model for each student. It alone has the key, and keeps what was spent.
c.JupyterHub.services = [
    {
        "name": "glm",
        "url": "http://127.0.0.1:10101",
        "command": [
            *(sys.executable, "-m", "glm_magic.classroom"),
            *("--provider", "zai", "--budget", "2", "--file", "spent.db"),
        ],
        "environment": {"ZAI_API_KEY": os.environ["ZAI_API_KEY"]},
    }
]

# Sends every student's prompts there, with the token that the Hub made for their server.
c.Spawner.environment = {
    "GLM_PROVIDER": "zai",
    "GLM_BASE_URL": f"{c.JupyterHub.bind_url}/services/glm",
    "GLM_API_KEY": lambda spawner: spawner.api_token,
}

# Everybody starts in their own folder.
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab"
