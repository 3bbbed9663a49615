# Part of cmake --install: the configuration.  What stands in etc/orchestrator is the administrator's
# and stays as it is; the files as shipped are always below share/doc.  SOURCE is the tree.
set(root ${CMAKE_INSTALL_PREFIX})
if(root MATCHES "^/usr/?$")
	set(root "") # where the file system's standard puts what belongs to /usr
endif()
set(folder $ENV{DESTDIR}${root}/etc/orchestrator)
set(shipped $ENV{DESTDIR}${CMAKE_INSTALL_PREFIX}/share/doc/orchestrator/config)

# Relative to the file, so that the whole may be moved.
file(READ ${SOURCE}/config/orchestrator.cfg text)
string(REPLACE "\"../var\"" "\"../../var/lib/orchestrator\"" patched "${text}")
if(patched STREQUAL text)
	message(FATAL_ERROR "config/orchestrator.cfg does not say state_dir = \"../var\" any more")
endif()
file(COPY ${SOURCE}/config/ DESTINATION ${shipped})
file(WRITE ${shipped}/orchestrator.cfg "${patched}")

file(MAKE_DIRECTORY ${folder} $ENV{DESTDIR}${root}/var/lib)
foreach(name orchestrator.cfg rules.json)
	if(EXISTS ${folder}/${name})
		message(STATUS "Left as it is: ${folder}/${name}")
	else()
		message(STATUS "Installing: ${folder}/${name}")
		file(COPY ${shipped}/${name} DESTINATION ${folder})
	endif()
endforeach()
