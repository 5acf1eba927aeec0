# Every setting that 0.1.0.dev0 has, as a user keeps them in ipython_config.py.
c = get_config()  # noqa: F821
c.GLM.provider = "zai"
c.GLM.model = "glm-4.6"
c.GLM.thinking = "on"
c.GLM.system = "Be brief."
c.GLM.show_thinking = "closed"
c.GLM.format = "text"
c.GLM.language = "zh"
c.GLM.idle_timeout_s = 60.0
c.GLM.full_traceback = False
c.GLM.store = True
c.GLM.session = "lesson"
