# Warnings and hardening for everything that we build.  A flag that this compiler does not know is
# left out, so that gcc and clang share one list.
include(CheckCCompilerFlag)
include(CheckPIESupported)

option(ORCH_WERROR "Warnings stop the build" ON)
set(ORCH_SANITIZE "" CACHE STRING "What -fsanitize= is given, as in address,undefined")
option(ORCH_FUZZ "Build the fuzzing targets (clang only)" OFF)
option(ORCH_COVERAGE "Count which lines ran" OFF)

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "RelWithDebInfo or Debug" FORCE)
endif()
# Assertions of ours do not depend on NDEBUG, so it is not defined.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-O1 -g")

set(sanitized OFF)
if(ORCH_SANITIZE OR CMAKE_C_FLAGS MATCHES "-fsanitize")
	set(sanitized ON)
endif()

function(orch_flags)
	foreach(flag ${ARGN})
		string(MAKE_C_IDENTIFIER "HAVE${flag}" known)
		check_c_compiler_flag(${flag} ${known})
		if(${known})
			add_compile_options($<$<COMPILE_LANGUAGE:C>:${flag}>)
		endif()
	endforeach()
endfunction()

# Until version 16 clang wants a second flag, which says that the first is meant.
function(orch_zero_variables)
	set(zero -ftrivial-auto-var-init=zero)
	set(meant -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)
	check_c_compiler_flag(${zero} HAVE_zero_variables)
	if(HAVE_zero_variables)
		set(flags ${zero})
	else()
		check_c_compiler_flag("${zero} ${meant}" HAVE_zero_variables_if_meant)
		if(HAVE_zero_variables_if_meant)
			set(flags ${zero} ${meant})
		endif()
	endif()
	foreach(flag ${flags})
		add_compile_options($<$<COMPILE_LANGUAGE:C>:${flag}>)
	endforeach()
endfunction()

macro(orch_compiler)
	set(CMAKE_REQUIRED_QUIET ON)
	orch_flags(-Wall -Wextra -Wformat=2 -Wconversion -Wsign-conversion -Wtrampolines
		-Wimplicit-fallthrough -Wbidi-chars=any -Wshadow -Wvla -Wstrict-prototypes
		-Wmissing-prototypes -Wcast-qual -Wnull-dereference -Wduplicated-cond -Wlogical-op -Walloca
		-Wundef)
	orch_flags(-fno-delete-null-pointer-checks -fno-strict-overflow -fno-strict-aliasing
		-fno-common -fvisibility=hidden)
	if(ORCH_WERROR)
		add_compile_options(-Werror)
	endif()

	check_pie_supported()
	if(ORCH_COVERAGE)
		add_compile_options(--coverage -O0)
		add_link_options(--coverage)
	else()
		orch_flags(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
	endif()

	if(sanitized)
		# A sanitizer brings its own checks; FORTIFY and -z defs would fight with them.
		if(ORCH_SANITIZE)
			# A report wants lines, no more; and its hundreds of programs want a fast linker.
			add_compile_options(-fsanitize=${ORCH_SANITIZE} -fno-sanitize-recover=all
				-fno-omit-frame-pointer -g1)
			add_link_options(-fsanitize=${ORCH_SANITIZE} -fuse-ld=gold)
		endif()
	else()
		orch_flags(-fstack-clash-protection -fstack-protector-strong -fcf-protection=full
			-fzero-call-used-regs=used-gpr)
		orch_zero_variables()
		if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT ORCH_COVERAGE)
			add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
		endif()
		# Not -z nodlopen: a plugin is there to be opened.
		add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code,--as-needed,-z,defs)
	endif()
endmacro()

orch_compiler()
