% The cells of results, in MATLAB and in Octave (with its package netcdf).
%
%   cells_ncread('runs/quickstart/results.h5')
%   octave --path scripts/analysis --eval "cells_ncread('runs/quickstart/results.h5')"
%
% Prints one line a cell. Both show the dimensions of a file in reverse order, the last one first, and let the
% first one they show run fastest: x(:) has the order of the file all the same. Of a study with two axes,
% imagesc(ncread(path, 'probability'), [0, 1]) is the phase diagram.
%
% In MATLAB h5read(path, '/probability') has the same values; h5readatt(path, '/', 'sweep') says the swept keys.
function cells_ncread(path)
  [keys, lengths] = swept_axes(path);
  names = {'trial_count', 'converged_count', 'probability', 'steps_median'};
  formats = {'%d', '%d', '%.6f', '%.6f'};
  fprintf('%s\n', strjoin([keys, names], ','));
  columns = cellfun(@(name) double(reshape(ncread(path, name), [], 1)), names, 'UniformOutput', false);
  values = cellfun(@(key, n) values_of_axis(path, key, n), keys, num2cell(lengths), 'UniformOutput', false);
  for cell_number = 0:numel(columns{1}) - 1
    fields = cell(1, numel(keys) + numel(names));
    rest = cell_number;
    for k = numel(keys):-1:1
      fields{k} = values{k}{mod(rest, lengths(k)) + 1};
      rest = floor(rest / lengths(k));
    end
    for c = 1:numel(names)
      fields{numel(keys) + c} = sprintf(formats{c}, columns{c}(cell_number + 1));
    end
    fprintf('%s\n', strjoin(fields, ','));
  end
end

% The dimensions of the sweep and how long they are, in the order of the file.
function [keys, lengths] = swept_axes(path)
  if exist('OCTAVE_VERSION', 'builtin')
    pkg load netcdf
    % The names that MATLAB has.
    import_netcdf
  end
  file = netcdf.open(path, 'NOWRITE');
  [~, ~, dimensions] = netcdf.inqVar(file, netcdf.inqVarID(file, 'probability'));
  n = numel(dimensions);
  keys = cell(1, n);
  lengths = zeros(1, n);
  for k = 1:n
    [keys{n + 1 - k}, lengths(n + 1 - k)] = netcdf.inqDim(file, dimensions(k));
  end
  netcdf.close(file);
end

% The values of an axis as they are printed. Octave reads no words: it has their positions, from 1.
function texts = values_of_axis(path, key, n)
  try
    values = ncread(path, key);
  catch
    values = 1:n;
  end
  if isnumeric(values)
    texts = arrayfun(@(x) sprintf('%.6g', x), double(values(:)'), 'UniformOutput', false);
  else
    texts = cellstr(values);
  end
end
