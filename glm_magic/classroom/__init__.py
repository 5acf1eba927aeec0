"""A key for a class: a service of JupyterHub that asks the model for each student, within a budget.

``python -m glm_magic.classroom --provider zai --budget 2`` is started by the Hub, as
``docs/classroom.md`` says. Students' notebooks send their prompts here, each with the token that
the Hub gave to its server; the service asks the Hub who that is, adds the provider's key, and hands
the reply on as it comes. The key is in no student's process and in no reply. What a request may
cost at most is set aside before it is sent, so a budget holds for requests side by side too.

It needs what JupyterHub brings along: ``jupyterhub`` and ``tornado``.
"""
