# Warnings and hardening for everything that we build.
add_compile_options(-Wall -Wextra -Werror -Wformat=2 -Wshadow -Wvla -Wcast-qual -Wundef
	-Wconversion -Wsign-conversion -g)
