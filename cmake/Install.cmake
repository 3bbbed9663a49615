# cmake --install build --prefix DIR: the program, its plugins, and what the author of a plugin needs.
# Everything is found relative to where it lies, so the whole may be moved.
include(CMakePackageConfigHelpers)

set(ORCH_PLUGIN_DIR lib/orchestrator/plugins)
set(ORCH_PACKAGE_DIR lib/cmake/orchestrator)

file(STRINGS core/include/orch/abi.h abi_lines REGEX "^#define ORCH_ABI_(MAJOR|MINOR)")
string(REGEX REPLACE "[^;0-9]" "" abi_numbers "${abi_lines}")
list(JOIN abi_numbers . ORCH_ABI_VERSION)

if(TARGET orchestrator)
	install(TARGETS orchestrator RUNTIME DESTINATION bin)
endif()
get_property(plugins GLOBAL PROPERTY ORCH_PLUGINS)
if(plugins)
	install(TARGETS ${plugins} LIBRARY DESTINATION ${ORCH_PLUGIN_DIR})
endif()
install(DIRECTORY core/include/orch DESTINATION include FILES_MATCHING PATTERN *.h)
install(CODE "set(SOURCE \"${CMAKE_SOURCE_DIR}\")")
install(SCRIPT cmake/InstallConfig.cmake)
install(FILES LICENSE DESTINATION share/doc/orchestrator)
foreach(page README.md plugins/README.md)
	string(REPLACE / - name ${page})
	if(EXISTS ${CMAKE_SOURCE_DIR}/${page})
		install(FILES ${page} DESTINATION share/doc/orchestrator RENAME ${name})
	endif()
endforeach()
install(DIRECTORY docs/ DESTINATION share/doc/orchestrator FILES_MATCHING PATTERN *.md)

configure_file(cmake/orchestrator.pc.in orchestrator.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/orchestrator.pc DESTINATION lib/pkgconfig)
configure_package_config_file(cmake/orchestratorConfig.cmake.in orchestratorConfig.cmake
	INSTALL_DESTINATION ${ORCH_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO NO_CHECK_REQUIRED_COMPONENTS_MACRO)
write_basic_package_version_file(orchestratorConfigVersion.cmake COMPATIBILITY SameMajorVersion
	ARCH_INDEPENDENT)
install(FILES ${CMAKE_BINARY_DIR}/orchestratorConfig.cmake
	${CMAKE_BINARY_DIR}/orchestratorConfigVersion.cmake DESTINATION ${ORCH_PACKAGE_DIR})
