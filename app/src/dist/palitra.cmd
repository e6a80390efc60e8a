@echo off
rem Starts Palitra on Windows with what the launcher of other systems sets, as far as Windows knows it (its libraries have another
rem OpenMP and another malloc). Not tried on a Windows machine yet.
setlocal EnableExtensions DisableDelayedExpansion
for %%I in ("%~dp0..") do set "PALITRA_HOME=%%~fI"
if not exist "%PALITRA_HOME%\palitra.jar" (
    >&2 echo palitra: there is no palitra.jar in "%PALITRA_HOME%"; bin\palitra.cmd works in its distribution alone
    exit /b 1
)
set "PALITRA_JAVA=java.exe"
if defined JAVA_HOME (
    set "PALITRA_JAVA=%JAVA_HOME%\bin\java.exe"
    if not exist "%JAVA_HOME%\bin\java.exe" (
        >&2 echo palitra: needs Java 17 or newer; JAVA_HOME has none
        exit /b 1
    )
) else (
    where java.exe >nul 2>&1
    if errorlevel 1 (
        >&2 echo palitra: needs Java 17 or newer; there is none on the PATH, and JAVA_HOME is not set
        exit /b 1
    )
)
if not defined OMP_NUM_THREADS set "OMP_NUM_THREADS=%NUMBER_OF_PROCESSORS%"
if not defined ONEDNN_PRIMITIVE_CACHE_CAPACITY set "ONEDNN_PRIMITIVE_CACHE_CAPACITY=256"
if not defined LRU_CACHE_CAPACITY set "LRU_CACHE_CAPACITY=256"
if not defined PALITRA_PLUGINS set "PALITRA_PLUGINS=%PALITRA_HOME%\plugins"
"%PALITRA_JAVA%" -XX:+UseSerialGC -Xms32m -XX:-UsePerfData -Djava.awt.headless=true "-Djdk.serialFilter=!*" "-Dpalitra.plugins=%PALITRA_PLUGINS%" %PALITRA_JAVA_OPTS% -jar "%PALITRA_HOME%\palitra.jar" %*
exit /b %ERRORLEVEL%
