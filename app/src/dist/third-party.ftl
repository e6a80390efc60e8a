<#-- One line a library, and what the native ones hold that no POM tells. -->
Palitra is under the Apache License 2.0 (LICENSE). In lib/ it holds libraries of others, each under its own license:

<#list dependencyMap as entry>
<#assign library = entry.getKey()>
<#assign licenses = entry.getValue()>
${library.groupId}:${library.artifactId}:${library.version}<#if library.classifier??>:${library.classifier}</#if> - ${(library.name)!library.artifactId}<#if library.url??> (${library.url})</#if>
    <#list licenses as license>${license}<#if license_has_next>; </#if></#list>
</#list>

The native libraries inside of the jars of org.bytedeco (JavaCPP presets, Apache License 2.0 or GPL 2 with classpath exception) are
    libtorch, libc10 (pytorch): BSD 3-clause; holds oneDNN (Apache 2.0) and others that its own NOTICE names, https://github.com/pytorch/pytorch
    MKL and its OpenMP runtime (mkl, redist; not on macOS): Intel Simplified Software License, https://www.intel.com/content/www/us/en/developer/articles/license/onemkl-license-faq.html
    OpenBLAS (openblas): BSD 3-clause, https://github.com/OpenMathLib/OpenBLAS
    libgomp, libgfortran, libquadmath, libgcc of GCC: GPL 3 with the GCC Runtime Library Exception (libquadmath: LGPL), https://gcc.gnu.org
With -Pvideo also FFmpeg: LGPL 3 and the licenses of the codecs built into it, https://ffmpeg.org
With -Pcuda also CUDA and cuDNN: NVIDIA's license agreements, https://docs.nvidia.com/cuda/eula
